"""`portcullis explain`: the same answer as the listener's, for every kind of client; and what it says why."""

from __future__ import annotations

import json
from typing import Any, Optional

from harness import client, env
from harness.case import GatewayCase, main
from harness.crl import Crl, revoking
from harness.document import NO_PROFILE, PASSTHROUGH, STRICT, STRICT_B, STRICT_DN, Document, standard
from harness.gateway import run_command
from harness.ocsp_responder import EGRESS, ResponderCase
from harness.pki import Identity, pki

SHADOWED = 447
LISTENERS = {
    "strict": STRICT,
    "strict-dn": STRICT_DN,
    "strict-b": STRICT_B,
    "passthrough": PASSTHROUGH,
    "shadowed": SHADOWED,
    "none": NO_PROFILE,
}
WHO = """good good_leaf_only good_rsa no_eku fancy sibling expired not_yet untrusted untrusted_with_intermediate
    untrusted_with_root good_b server_auth under_server_ca self_signed weak_rsa spoof name_thief""".split()


class Explain(GatewayCase):
    @classmethod
    def document(cls) -> Document:
        document = standard(cls.backend.port).profile("shadowed", "Passthrough", ["a"], dn=True)
        return document.listener("shadowed", SHADOWED, "shadowed").rule("to-shadowed", "shadowed")

    def test_every_kind_of_client_is_told_what_the_listener_says(self) -> None:
        for name in WHO:
            who: Identity = getattr(pki(), name)
            for listener, port in LISTENERS.items():
                with self.subTest(who=name, listener=listener):
                    target = "/" + self.token()
                    with self.gateway.tls(port, who) as wire:
                        status = wire.request(target).status
                    line = self.gateway.access_for(target)
                    code, told = self.gateway.explain(listener, who)
                    self.assertEqual((told["status"], told["sslClientVerify"]), (status, line.verify))
                    self.assertEqual(told["reason"], line.own.get("reason", ""))
                    shadow: Optional[dict[str, str]] = told.get("shadow")
                    self.assertEqual(shadow and shadow["sslClientVerify"], line.own.get("strictWouldSay"))
                    self.assertEqual((code, told["admitted"]), (0, True) if status == 200 else (2, False))
                    self.assertEqual(told["handshake"], "completes")

    def test_over_the_limits_the_handshake_fails_as_told(self) -> None:
        for name in ("long_chain", "heavy_chain"):
            who: Identity = getattr(pki(), name)
            for listener in ("strict", "passthrough"):
                with self.subTest(who=name, listener=listener):
                    for version in client.BOTH:
                        self.assertTrue(client.handshake_fails(self.gateway.port(LISTENERS[listener]), who, version))
                    code, told = self.gateway.explain(listener, who)
                    self.assertEqual((code, told["status"], told["admitted"]), (2, 0, False))
                    self.assertIn("limits.presented_", told["handshake"])
            self.assertEqual(self.gateway.explain("none", who)[0], 0, "a listener that asks for none gets none")

    def test_every_check_has_an_outcome_and_its_evidence(self) -> None:
        _, told = self.gateway.explain("strict-dn", pki().sibling)
        (path,) = told["paths"]
        self.assertTrue(path["holds"])
        self.assertEqual([one["presented"] for one in path["certificates"] if "presented" in one], [0, 1])
        self.assertEqual(path["certificates"][2]["trustedClientCertificate"], "a")
        outcomes = {one["check"]: one["outcome"] for one in path["checks"]}
        self.assertEqual([name for name, outcome in outcomes.items() if outcome == "failed"], ["issuer_dn"])
        self.assertEqual(outcomes["revocation"], "not asked")
        self.assertTrue(all(one["evidence"] for one in path["checks"]))

    def test_both_ways_to_an_anchor_are_shown(self) -> None:
        """I25: first under the files that name the leaf's issuer, then under all."""
        document = standard(self.backend.port)
        document.profile("both", "Strict", ["a", "b"], dn=True).listener("both", 448, "both").rule("to-both", "both")
        path = self.gateway.directory / "both.json"
        path.write_text(document.json())
        chain = pki().name_thief.chain
        done = run_command("explain", path, "--listener", "both", "--chain", chain, "--json")
        told = json.loads(done.stdout)
        self.assertEqual((done.returncode, told["reason"]), (2, "client_cert.issuer_dn_mismatch"))
        self.assertEqual([(one["under"], one["holds"]) for one in told["paths"]], [("issuer_dn_files", False), ("all_files", True)])

    def test_it_can_be_asked_about_another_time(self) -> None:
        code, told = self.gateway.explain("strict", pki().good, "--at", "2099-01-01")
        self.assertEqual((code, told["reason"], told["at"]), (2, "client_cert.expired", "2099-01-01T00:00:00.000Z"))
        code, told = self.gateway.explain("strict", pki().good, "--at", "2001-01-01T00:00:00Z")
        self.assertEqual((code, told["reason"]), (2, "client_cert.not_yet_valid"))


class AskedNow(ResponderCase, GatewayCase):
    """--ocsp live: responders and lists are asked, and the answer is the gate's."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.gone, cls.lists = pki().int_a.issue("explain-gone"), env.new_dir("explain-crl")
        (cls.lists / "a.crl").write_bytes(Crl(pki().int_a, revoking(cls.gone)).der())
        super().setUpClass()

    @classmethod
    def document(cls) -> Document:
        return super().document().profile("strict", "Strict", ["a"], revocation="OCSP")

    @classmethod
    def host(cls) -> dict[str, Any]:
        lists = {"strict-dn": {"files": [str(cls.lists)]}}
        return {"egress": EGRESS, "revocation": {"timeout": "500ms", "crl": lists, "unknown": "allow", "cold_cache": "wait"}}

    def client(self, how: str) -> Identity:
        who = self.responder.issue(self.token())
        self.responder.behave(how, who)
        return who

    def assert_as_the_gate(self, who: Identity, listener: str = "strict") -> dict[str, Any]:
        code, told = self.gateway.explain(listener, who, "--ocsp", "live")
        response, line = self.asked(who, LISTENERS[listener])
        self.assertEqual((told["status"], told["sslClientVerify"]), (response.status, line.verify))
        self.assertEqual(told["reason"], line.own.get("reason", ""))
        self.assertEqual((code, told["admitted"]), (0, True) if response.status == 200 else (2, False))
        mine, logged = told["revocation"], line.own["revocation"]
        for member in ("source", "status", "reason", "responder", "allowed", "cacheHit", "detail"):
            self.assertEqual(mine.get(member), logged.get(member), member)
        self.assertEqual([name for name in mine if name not in logged], [])
        (check,) = [one for one in told["paths"][-1]["checks"] if one["check"] == "revocation"]
        self.assertEqual(check["outcome"], "passed" if told["admitted"] else "failed")
        self.assertIn(mine["status"], check["evidence"])
        return told

    def test_every_answer_of_a_responder(self) -> None:
        for how in ("good", "revoked", "unknown", "expired", "bad-signature", "malformed", "http-500", "close", "hang"):
            with self.subTest(how):
                who = self.client(how)
                self.assert_as_the_gate(who)
                self.assertGreaterEqual(len(self.responder.queries(who)), 2, "the gateway's and explain's own")

    def test_a_certificate_without_a_responder(self) -> None:
        self.assertEqual(self.assert_as_the_gate(pki().good)["revocation"]["reason"], "ocsp.no_responder")

    def test_cache_tells_by_what_the_gateway_has_saved_and_asks_nobody(self) -> None:
        good, gone, never = self.client("good"), self.client("revoked"), self.client("good")
        for who in (good, gone):
            self.asked(who)

        def saved(who: Identity) -> Optional[dict[str, Any]]:
            _, told = self.gateway.explain("strict", who, "--ocsp", "cache")
            return told if told["revocation"]["status"] != "failed" else None

        for who, status, revocation in ((good, 200, "good"), (gone, 400, "revoked")):
            told = self.gateway.wait_for("the answer to be saved", lambda who=who: saved(who))
            self.assertEqual((told["status"], told["revocation"]["status"]), (status, revocation))
            self.assertEqual(len(self.responder.queries(who)), 1)
        code, told = self.gateway.explain("strict", never, "--ocsp", "cache")
        self.assertEqual((code, told["revocation"]["reason"]), (2, "ocsp.unreachable"))
        self.assertIn("--ocsp cache asks nobody", told["revocation"]["detail"])
        self.assertEqual(self.responder.queries(never), [])
        self.assertEqual(self.gateway.explain("strict-dn", self.gone, "--ocsp", "cache")[1]["revocation"]["status"], "revoked")

    def test_revocation_lists(self) -> None:
        self.assertEqual(self.assert_as_the_gate(pki().good, "strict-dn")["revocation"]["status"], "good")
        self.assertEqual(self.assert_as_the_gate(self.gone, "strict-dn")["revocation"]["status"], "revoked")

    def test_off_asks_nobody_and_says_that_it_is_open(self) -> None:
        who = self.client("revoked")
        for more in ((), ("--ocsp", "off")):
            code, told = self.gateway.explain("strict", who, *more)
            self.assertEqual((code, told["revocation"]), (0, "open"))
        self.assertEqual(self.responder.queries(who), [])

    def test_I20_nobody_is_asked_about_a_chain_that_does_not_hold(self) -> None:
        before = self.responder.connections
        names = ("extendedKeyUsage=clientAuth", *self.responder.aia())
        stranger = pki().int_b.issue("explain-stranger", extensions=names)
        code, told = self.gateway.explain("strict", stranger, "--ocsp", "live")
        self.assertEqual((code, told["status"], "revocation" in told), (2, 400, False))
        self.assertEqual(self.responder.connections, before)

    def test_the_egress_policy_holds_for_explain_too(self) -> None:
        host = env.scratch() / "no-egress.yaml"
        host.write_text("bind: {fip: 127.0.0.1}\n")
        who, before = self.client("good"), self.responder.connections
        command = ("explain", self.gateway.document_path, "--host", host, "--listener", "strict", "--chain", who.chain)
        done = run_command(*command, "--ocsp", "live")
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"\n  FAILED      revocation           OCSP: failed \(ocsp.address_denied\), by http")
        self.assertRegex(done.stdout, r"\nlog        sslClientVerify=FAILED:certificate status request failed\n")
        self.assertRegex(done.stdout, r"\nrevocation OCSP: failed \(ocsp.address_denied\)")
        self.assertEqual(self.responder.connections, before)


if __name__ == "__main__":
    main()
