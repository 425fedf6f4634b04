"""Every behaviour of an OCSP responder against every kind of certificate, on both protocols: status, string and reason.

azure-semantics §1.6, §6.1; mtls-invariants I8, I10, I11, I20, L8.
"""

from __future__ import annotations

import subprocess
import time
from typing import Any, Optional

from harness import env
from harness.case import GatewayCase, main
from harness.document import STRICT, Document
from harness.gateway import LogLine, token
from harness.ocsp_responder import BEHAVIOURS, EGRESS, ResponderCase
from harness.pki import CLIENT, Authority, Identity, openssl, pki

REVOKED = "FAILED:certificate revoked"
UNKNOWN = "FAILED:certificate status unknown"
FAILED = "FAILED:certificate status request failed"
TIMEOUT = 0.5

GOOD = {"good", "several", "delegate", "no-next-update"}
REASONS = {
    "expired": "expired",
    "not-yet-valid": "not_yet_valid",
    "stranger": "bad_signature",
    "bad-signature": "bad_signature",
    "wrong-serial": "wrong_cert",
    "wrong-issuer": "wrong_cert",
    "delegate-without-purpose": "bad_signature",
    "delegate-expired": "bad_signature",
    "delegate-of-another-ca": "bad_signature",
    "delegate-unsent": "bad_signature",
    "malformed": "malformed",
    "trailing-bytes": "malformed",
    "empty": "malformed",
    "huge": "malformed",
    "http-500": "http_status",
    "http-404": "http_status",
    "redirect": "http_status",
    "try-later": "try_later",
    "internal-error": "try_later",
    "unauthorized": "unauthorized",
    "sig-required": "unauthorized",
    "trickle": "timeout",
    "hang": "timeout",
    "close": "unreachable",
    "cut": "unreachable",
}


class RevocationCase(GatewayCase):
    @classmethod
    def document(cls) -> Document:
        document = super().document().profile("strict", "Strict", ["a"], revocation="OCSP")
        document.http2()
        return document

    @classmethod
    def host(cls) -> dict[str, Any]:
        return {"egress": EGRESS, "revocation": {"timeout": f"{int(TIMEOUT * 1000)}ms"}}

    def judged(self, identity: Identity, http2: bool) -> tuple[int, LogLine]:
        """Status and record of one request on a connection of its own."""
        response, line = self.asked(identity, http2=http2)
        return response.status, line

    def assert_both(self, identity: Identity, status: int, verify: str, reason: Optional[str] = None) -> None:
        """`reason`: without its `ocsp.`; None: not looked at."""
        for http2 in (False, True):
            got, line = self.judged(identity, http2)
            self.assertEqual((got, line.verify), (status, verify), f"HTTP/{2 if http2 else 1}: {line.own}")
            if reason is not None:
                said = line.own["revocation"]["reason"]
                self.assertEqual(said, f"ocsp.{reason}" if reason else "")
            if status == 400:
                self.assertEqual(line.error_info, "ERRORINFO_HTTPS_NO_CERT")


class Matrix(ResponderCase, RevocationCase):
    def client(self, how: str) -> Identity:
        identity = self.responder.issue(token(how))
        self.responder.behave(how, identity)
        return identity

    def test_good_answers_admit(self) -> None:
        for how in sorted(GOOD):
            with self.subTest(how):
                self.assert_both(self.client(how), 200, "SUCCESS", "")

    def test_I8_I11_revoked_and_unknown_are_refused_on_both_protocols(self) -> None:
        self.assert_both(self.client("revoked"), 400, REVOKED, "")
        self.assert_both(self.client("unknown"), 400, UNKNOWN, "unknown")

    def test_I11_every_other_answer_is_a_named_refusal(self) -> None:
        for how, reason in REASONS.items():
            with self.subTest(how):
                self.assert_both(self.client(how), 400, FAILED, reason)
        left = set(BEHAVIOURS) - set(REASONS) - GOOD
        # "hold" is for tests that let go; whatever a content type or a complaint about the request means, it is no good.
        self.assertEqual(left, {"revoked", "unknown", "hold", "wrong-content-type", "malformed-request"})

    def test_a_certificate_without_a_responder_is_refused(self) -> None:
        self.assert_both(pki().good, 400, FAILED, "no_responder")

    def test_I20_a_certificate_that_does_not_verify_makes_nobody_ask(self) -> None:
        names = (CLIENT, *self.responder.aia())
        before = self.responder.connections
        strangers = {
            "other CA": pki().int_b.issue(token("canary-b"), extensions=names),
            "expired": pki().int_a.issue(token("canary-old"), extensions=names, start=-7200, end=-3600),
            "a server's": pki().int_a.issue(
                token("canary-server"), extensions=("extendedKeyUsage=serverAuth", *self.responder.aia())
            ),
        }
        for what, identity in strangers.items():
            for http2 in (False, True):
                with self.subTest(what, http2=http2):
                    status, line = self.judged(identity, http2)
                    self.assertEqual(status, 400)
                    self.assertNotIn(line.verify, ("SUCCESS", REVOKED, UNKNOWN, FAILED))
                    self.assertNotIn("revocation", line.own)
        self.assertEqual(self.responder.connections, before)

    def test_I20_link_local_addresses_are_not_fetched_from(self) -> None:
        aia = "authorityInfoAccess=OCSP;URI:http://169.254.169.254/latest/meta-data/"
        identity = pki().int_a.issue(token("metadata"), extensions=(CLIENT, aia))
        self.assert_both(identity, 400, FAILED, "address_denied")

    def test_L8_a_hanging_responder_costs_the_timeout(self) -> None:
        identity = self.client("hang")
        with self.gateway.tls(STRICT, identity) as wire:
            began = time.monotonic()
            self.assert_certificate_error(wire.request("/"))
            self.assertLess(time.monotonic() - began, TIMEOUT + env.patience(0.25))


class OpensslResponder(RevocationCase):
    """The same with the responder of the openssl program."""

    authority: Authority

    @classmethod
    def setUpClass(cls) -> None:
        cls.port = env.free_port()
        cls.authority = Authority(env.new_dir("ocsp-ca"), "ocsp-ca", "/C=US/O=Contoso/CN=OCSP CA", pki().root_a)
        super().setUpClass()

    def issue(self, name: str) -> Identity:
        aia = f"authorityInfoAccess=OCSP;URI:http://127.0.0.1:{self.port}/"
        return self.authority.issue(name, extensions=(CLIENT, aia))

    @classmethod
    def document(cls) -> Document:
        return super().document().ca("a", cls.authority.bundle())

    def test_good_and_revoked(self) -> None:
        good, bad = self.issue("openssl-good"), self.issue("openssl-bad")
        ca = self.authority
        signer = ("-cert", ca.certificate, "-keyfile", ca.key)
        openssl("ca", "-config", ca.config, "-revoke", bad.chain, *signer)
        index = ca.directory / f"{ca.name}.db" / "index.txt"
        responder = subprocess.Popen(
            [
                *("openssl", "ocsp", "-index", index, "-port", str(self.port), "-CA", ca.certificate, "-nmin", "5"),
                *("-rsigner", ca.certificate, "-rkey", ca.key),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(responder.wait)
        self.addCleanup(responder.stdout.close)
        self.addCleanup(responder.terminate)
        line = responder.stdout.readline().decode()
        self.assertIn("ACCEPT", line)
        self.assert_both(good, 200, "SUCCESS", "")
        self.assert_both(bad, 400, REVOKED, "")


if __name__ == "__main__":
    main()
