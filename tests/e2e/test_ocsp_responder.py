"""The test responder and the test lists themselves, judged by the openssl program: what the gateway's tests stand on has to
say what they think it says."""

from __future__ import annotations

import subprocess
import time
import unittest

from harness import env
from harness.crl import Crl, revoking
from harness.ocsp_responder import BEHAVIOURS, OcspResponder
from harness.pki import pki


class Responder(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.responder = OcspResponder(pki().int_a)
        cls.addClassCleanup(cls.responder.stop)
        cls.leaf = cls.responder.issue("asked-about")

    def setUp(self) -> None:
        self.responder.forget()

    def ask(self, behaviour: str, *more: str) -> str:
        self.responder.behave(behaviour, self.leaf)
        bundle = env.scratch() / "chain-a.pem"
        bundle.write_text(pki().int_a.bundle())
        done = subprocess.run(
            [
                *("openssl", "ocsp", "-issuer", pki().int_a.certificate, "-cert", self.leaf.chain),
                *("-url", self.responder.url, "-CAfile", bundle, "-no_nonce", "-timeout", "2", *more),
            ],
            capture_output=True,
            text=True,
            timeout=env.patience(20),
        )
        return done.stdout + done.stderr

    def test_openssl_reads_each_behaviour_as_meant(self) -> None:
        expected = {
            "good": ("Response verify OK", ": good"),
            "revoked": ("Response verify OK", ": revoked", "Revocation Time:"),
            "unknown": ("Response verify OK", ": unknown"),
            "expired": ("Status times invalid", "status expired"),
            "not-yet-valid": ("Status times invalid", "status not yet valid"),
            "no-next-update": ("Response verify OK", ": good"),
            "stranger": ("Response Verify Failure",),
            "bad-signature": ("Response Verify Failure",),
            "wrong-serial": ("Response verify OK", "No Status found"),
            "wrong-issuer": ("Response verify OK", "No Status found"),
            "several": ("Response verify OK", ": good"),
            "delegate": ("Response verify OK", ": good"),
            "delegate-without-purpose": ("Response Verify Failure",),
            "delegate-expired": ("Response Verify Failure", "certificate has expired"),
            "delegate-of-another-ca": ("Response Verify Failure",),
            "delegate-unsent": ("Response Verify Failure", "signer certificate not found"),
            "malformed": ("Error querying OCSP responder",),
            "empty": ("Error querying OCSP responder",),
            "http-500": ("Error querying OCSP responder", "code=500"),
            "redirect": ("Error querying OCSP responder",),
            "try-later": ("Responder Error: trylater (3)",),
            "unauthorized": ("Responder Error: unauthorized (6)",),
            "internal-error": ("Responder Error: internalerror (2)",),
            "malformed-request": ("Responder Error: malformedrequest (1)",),
            "sig-required": ("Responder Error: sigrequired (5)",),
            "close": ("Error querying OCSP responder",),
            "cut": ("Error querying OCSP responder",),
        }
        for behaviour, words in expected.items():
            with self.subTest(behaviour):
                said = self.ask(behaviour)
                for word in words:
                    self.assertIn(word, said)
        self.assertLessEqual(set(expected), set(BEHAVIOURS))
        self.assertEqual(len(self.responder.queries(self.leaf)), len(expected))

    def test_once_then_as_before(self) -> None:
        self.assertIn(": good", self.ask("good"))
        self.responder.behave("revoked", self.leaf, times=1)
        self.assertIn(": revoked", self.ask("good"))
        self.assertIn(": good", self.ask("good"))

    def test_the_nonce_and_the_serial_of_a_query_are_read(self) -> None:
        self.ask("good", "-nonce")
        (query,) = self.responder.queries(self.leaf)
        self.assertEqual(query.method, "POST")
        self.assertIsNotNone(query.nonce)

    def test_held_back_until_released(self) -> None:
        self.responder.release.clear()
        self.assertIn("Error querying OCSP responder", self.ask("hold", "-timeout", "1"))
        self.responder.release.set()
        self.assertIn(": good", self.ask("hold"))


class Lists(unittest.TestCase):
    def verify(self, crl: Crl) -> str:
        path = env.scratch() / f"crl-{time.monotonic_ns()}.pem"
        path.write_text(crl.pem())
        done = subprocess.run(
            ["openssl", "crl", "-in", path, "-CAfile", pki().int_a.certificate, "-noout", "-text", "-verify"],
            capture_output=True,
            text=True,
        )
        return done.stdout + done.stderr

    def test_openssl_reads_the_lists(self) -> None:
        good = pki().good
        said = self.verify(Crl(pki().int_a, revoking(good), number=7))
        self.assertIn("verify OK", said)
        self.assertIn(f"Serial Number: {good.field('-serial')}", said)
        self.assertIn("X509v3 CRL Number", said)
        self.assertIn("verify failure", self.verify(Crl(pki().int_a, spoil_signature=True)))
        self.assertIn("Delta CRL Indicator: critical", self.verify(Crl(pki().int_a, delta_base=3, number=4)))
        self.assertIn("No Revoked Certificates", self.verify(Crl(pki().int_a)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
