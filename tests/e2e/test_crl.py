"""Revocation lists of an SSL profile: files that are followed, what they revoke is refused at once and everywhere, and what
is missing, old or hostile clears nobody.

mtls-invariants I4, I10, I11, I26, L5; host file `revocation.crl`, `revocation.order`.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Optional

from harness import env
from harness.case import main
from harness.crl import REMOVE_FROM_CRL, Crl, Entry, revoking
from harness.document import STRICT, STRICT_DN
from harness.gateway import Gateway, run_command
from harness.http2 import Http2
from harness.http_wire import Closed
from harness.lists_case import ListsCase
from harness.ocsp_responder import ResponderCase
from harness.pki import Identity, pki

REVOKED = "FAILED:certificate revoked"
REQUEST_FAILED = "FAILED:certificate status request failed"


def put(path: Path, content: bytes) -> None:
    """As a careful writer does it: the whole file takes the place of the old."""
    new = path.with_name("." + path.name)
    new.write_bytes(content)
    new.replace(path)


class CrlCase(ListsCase):
    """A gateway of each test's own directory of lists, which `strict` looks at."""

    directory: Path
    number = 0

    @classmethod
    def setUpClass(cls) -> None:
        cls.directory = env.new_dir("crl")
        put(cls.directory / "a.crl", cls.new_list())
        super().setUpClass()

    @classmethod
    def new_list(cls, *revoked: Identity, **how: Any) -> bytes:
        """The next list of CA A's intermediate."""
        CrlCase.number += 1
        return Crl(pki().int_a, how.pop("entries", revoking(*revoked)), **{"number": CrlCase.number, **how}).der()

    @classmethod
    def lists_of_strict(cls) -> dict[str, Any]:
        return {"files": [str(cls.directory)]}

    def client(self) -> Identity:
        return pki().int_a.issue("crl-" + self.token())

    def publish(self, *revoked: Identity, gateway: Optional[Gateway] = None, **how: Any) -> None:
        """A new list, and waits until it is in force."""
        gateway = gateway or self.gateway
        before = len(gateway.events("crl.loaded"))
        put(self.directory / "a.crl", self.new_list(*revoked, **how))
        gateway.wait_event("crl.loaded", before + 1)

    def assert_refused(self, identity: Identity, verify: str, reason: str = "", gateway: Optional[Gateway] = None) -> Any:
        response, line = self.asked(identity, gateway=gateway)
        self.assert_certificate_error(response)
        self.assertEqual(line.verify, verify)
        code = "client_cert.revoked" if verify == REVOKED else "client_cert.status_request_failed"
        self.assertEqual(line.reason, code)
        evidence = line.own["revocation"]
        self.assertEqual((evidence["source"], evidence["reason"]), ("crl", reason))
        return evidence

    def assert_served(self, identity: Identity, gateway: Optional[Gateway] = None) -> Any:
        response, line = self.asked(identity, gateway=gateway)
        self.assertEqual(response.status, 200, response.text)
        self.assertEqual(line.verify, "SUCCESS")
        return line.own.get("revocation")

    def refused(self, file: str) -> str:
        """The code that `file` is refused with, once it is."""

        def codes() -> list[str]:
            lines = self.gateway.events("crl.refused") + self.gateway.events("crl.unused")
            return [line["code"] for line in lines if line["file"].endswith(file)]

        return self.gateway.wait_for(f"{file} to be refused", codes)[-1]


class Lists(CrlCase):
    def setUp(self) -> None:
        for file in self.directory.iterdir():
            file.unlink()
        put(self.directory / "a.crl", self.new_list())
        self.gateway.reload()

    def test_I8_a_revoked_client_is_refused_on_every_protocol_and_others_pass(self) -> None:
        good, bad = self.client(), self.client()
        self.publish(entries=(Entry(revoking(bad)[0].serial, reason=1),))
        evidence = self.assert_served(good)
        self.assertEqual((evidence["source"], evidence["status"]), ("crl", "good"))
        evidence = self.assert_refused(bad, REVOKED)
        self.assertEqual((evidence["status"], evidence["revocationReason"]), ("revoked", "keyCompromise"))
        self.assertLess(evidence["thisUpdate"], evidence["nextUpdate"])
        with Http2(self.gateway.port(STRICT), bad) as wire:
            self.assertEqual(wire.request("/").status, 400)
        with Http2(self.gateway.port(STRICT), good) as wire:
            self.assertEqual(wire.request("/").status, 200)
        # A profile that has no lists does not ask any.
        response, line = self.asked(bad, STRICT_DN)
        self.assertEqual((response.status, line.verify), (200, "SUCCESS"))
        self.assertNotIn("revocation", line.own)

    def test_L5_I4_revoking_reaches_open_connections_and_sessions(self) -> None:
        who, other = self.client(), self.client()
        for version in ("1.2", "1.3"):
            with self.subTest(version):
                self.publish()
                with self.gateway.tls(STRICT, who, version) as idle, self.gateway.tls(STRICT, other) as bystander:
                    self.assertEqual(idle.request("/").status, 200)
                    self.assertEqual(bystander.request("/").status, 200)
                    session = idle.sock.session  # type: ignore[union-attr]
                    context = idle.sock.context  # type: ignore[union-attr]
                    self.publish(who)
                    self.assertTrue(idle.ends(), "the idle connection of a revoked client is closed")
                    self.assertEqual(bystander.request("/").status, 200)
                target = "/" + self.token()
                with self.gateway.tls(STRICT, context=context, session=session) as wire:
                    self.assert_certificate_error(wire.request(target))
                line = self.gateway.access_for(target)
                self.assertEqual((line.verify, line.resumed), (REVOKED, False))

    def test_L5_revoking_ends_http2_connections(self) -> None:
        who = self.client()
        with Http2(self.gateway.port(STRICT), who) as wire:
            self.assertEqual(wire.request("/").status, 200)
            self.publish(who)
            try:
                self.assertEqual(wire.request("/").status, 400)
            except (Closed, ConnectionError, ssl.SSLError, AssertionError):
                pass
        self.gateway.wait_event("admission.ended")

    def test_L5_revoking_refuses_the_next_request_of_a_busy_connection(self) -> None:
        who = self.client()
        self.backend.release.clear()
        self.addCleanup(self.backend.release.set)
        with self.gateway.tls(STRICT, who) as wire:
            target = "/hold/" + self.token()
            wire.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.backend.request_for(target)
            self.publish(who)
            self.backend.release.set()
            self.assertEqual(wire.read().status, 200, "what was under way is finished")
            self.assertTrue(wire.ends(), "and nothing comes after it")

    def test_pem_directories_and_deltas(self) -> None:
        held, new = self.client(), self.client()
        base = self.new_list(entries=(Entry(revoking(held)[0].serial, reason=6),))
        number = CrlCase.number
        put(self.directory / "a.crl", base)
        self.gateway.reload()
        self.assert_refused(held, REVOKED)
        CrlCase.number += 1
        released = Entry(revoking(held)[0].serial, reason=REMOVE_FROM_CRL)
        delta = Crl(pki().int_a, (released, *revoking(new)), number=CrlCase.number, delta_base=number)
        put(self.directory / "delta.pem", delta.pem().encode())
        self.gateway.wait_for("the delta", lambda: self.gateway.events("crl.loaded")[-1]["lists"] == 2)
        self.assert_served(held)
        self.assert_refused(new, REVOKED)

    def test_a_half_written_list_changes_nothing(self) -> None:
        bad = self.client()
        self.publish(bad)
        whole = self.new_list()
        (self.directory / "a.crl").write_bytes(whole[: len(whole) // 2])
        self.assertEqual(self.refused("a.crl"), "crl.malformed")
        self.assert_refused(bad, REVOKED)
        (self.directory / "a.crl").write_bytes(whole)
        self.gateway.wait_for("the whole list", lambda: self.asked(bad)[0].status == 200)

    def test_I10_a_hostile_list_is_refused_with_its_reason(self) -> None:
        good, other = self.client(), pki().root_b
        idp_indirect, idp_reasons = b"\x30\x03\x84\x01\xff", b"\x30\x04\x83\x02\x01\x06"
        one = Entry(revoking(good)[0].serial)
        cases: dict[str, tuple[str, dict[str, Any]]] = {
            "no-number": ("crl.no_number", {"number": None}),
            "stray-delta": ("crl.delta_without_base", {"delta_base": 10**9, "number": 10**9 + 1}),
            "indirect": ("crl.indirect", {"idp": idp_indirect}),
            "reasons": ("crl.some_reasons", {"idp": idp_reasons}),
            "wrong-signer": ("crl.bad_signature", {"signer": other}),
            "spoilt": ("crl.bad_signature", {"spoil_signature": True}),
            "other-ca": ("crl.unknown_issuer", {"authority": other}),
            "no-end": ("crl.no_next_update", {"next_update": None}),
            "twice": ("crl.duplicate_entry", {"entries": (one, one)}),
            "removal": ("crl.remove_in_full", {"entries": (Entry(one.serial, reason=REMOVE_FROM_CRL),)}),
        }
        for name, (code, how) in cases.items():
            how = {"authority": pki().int_a, "entries": (one,), "number": 10**6, **how}
            put(self.directory / name, Crl(**how).der())
            with self.subTest(name):
                self.assertEqual(self.refused(name), code)
        put(self.directory / "garbage", b"\x30\x82\xff\xff")
        self.assertEqual(self.refused("garbage"), "crl.malformed")
        # None of them has said anything about the client that all of them name.
        self.assert_served(good)

    def test_I11_missing_and_expired_lists_clear_nobody(self) -> None:
        who, sibling = self.client(), pki().sibling
        self.assert_refused(sibling, REQUEST_FAILED, "crl.missing")  # its CA has no list here
        self.publish(this_update=-7200, next_update=-3600)
        self.assert_refused(who, REQUEST_FAILED, "crl.expired")
        self.publish(this_update=3600, next_update=7200)
        self.assert_refused(who, REQUEST_FAILED, "crl.not_yet_valid")
        # I26: what an expired list revokes stays revoked.
        self.publish(who, this_update=-7200, next_update=-3600)
        self.assert_refused(who, REVOKED)

    def test_a_list_ahead_of_the_clock_locks_nobody_out(self) -> None:
        who, other = self.client(), self.client()
        self.publish(this_update=3600, next_update=7200)
        self.assertEqual(self.gateway.events("crl.unused")[-1]["code"], "crl.not_yet_valid")
        self.assert_served(who)
        self.publish(other, this_update=3600, next_update=7200)
        self.assert_served(who)
        self.assert_refused(other, REVOKED)

    def test_a_list_that_is_gone_counts_until_the_reload(self) -> None:
        who = self.client()
        (self.directory / "a.crl").unlink()
        self.assert_served(who)
        self.gateway.reload()
        self.assert_refused(who, REQUEST_FAILED, "crl.missing")

    def test_a_big_list_is_one_look_up(self) -> None:
        who, bad = self.client(), self.client()
        count = env.scale(100_000, 20_000)
        step = (1 << 159) // count
        entries = [Entry(step * n + 1) for n in range(count)]
        self.publish(entries=(*entries, *revoking(bad)))
        self.assertEqual(self.gateway.events("crl.loaded")[-1]["entries"], count + 1)
        self.assert_served(who)
        self.assert_refused(bad, REVOKED)

    def test_a_name_without_a_strict_profile_is_an_error(self) -> None:
        lists = "{strikt: {files: [a.crl]}, gateway/strikt: {files: [a.crl]}}"
        (env.scratch() / "wrong.yaml").write_text("revocation: {crl: " + lists + "}\n")
        done = run_command("check", self.gateway.document_path, "--host", env.scratch() / "wrong.yaml")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/revocation/crl/strikt", done.stdout + done.stderr)
        self.assertIn("/revocation/crl/gateway~1strikt", done.stdout + done.stderr)  # RFC 6901


class Lenient(CrlCase):
    extra = {"no_responder": "allow", "expired_response": "allow"}

    def test_missing_and_expired_lists_may_be_allowed_and_the_log_says_so(self) -> None:
        evidence = self.assert_served(pki().sibling)
        self.assertEqual((evidence["reason"], evidence["allowed"]), ("crl.missing", True))
        who = self.client()
        self.publish(who, this_update=-7200, next_update=-3600)
        self.assert_refused(who, REVOKED)
        self.assertTrue(self.assert_served(self.client())["allowed"])
        reasons = {line["reason"] for line in self.gateway.events("revocation.allowed")}
        self.assertEqual(reasons, {"crl.missing", "crl.expired"})


class WithResponder(ResponderCase, CrlCase):
    """OCSP and lists together: the order of the host file, and revoked in either is revoked."""

    revocation = "OCSP"

    def client(self, how: str = "good") -> Identity:
        identity = self.responder.issue("both-" + self.token())
        self.responder.behave(how, identity)
        return identity

    def test_the_responder_first(self) -> None:
        good, silent, unknown, bad = self.client(), self.client("close"), self.client("unknown"), self.client()
        self.publish(bad)
        self.assertEqual(self.assert_served(good)["source"], "ocsp")
        self.assertEqual(self.assert_served(silent)["source"], "crl")
        self.assert_refused(bad, REVOKED)
        self.assertEqual(self.responder.queries(bad), [], "the list had said all")
        response, line = self.asked(unknown)
        self.assertEqual((response.status, line.verify), (400, "FAILED:certificate status unknown"))
        self.publish()
        self.assertEqual(self.asked(self.client("revoked"))[1].verify, REVOKED)

    def test_lists_first(self) -> None:
        host = {**self.host(), "revocation": {**self.host()["revocation"], "order": ["crl", "ocsp"]}}
        with Gateway(self.document(), host) as gateway:
            good, bad = self.client(), self.client()
            self.publish(bad, gateway=gateway)
            self.assertEqual(self.assert_served(good, gateway)["source"], "crl")
            self.assert_refused(bad, REVOKED, gateway=gateway)
            self.assertEqual(self.responder.queries(good) + self.responder.queries(bad), [])
            self.publish(this_update=-7200, next_update=-3600, gateway=gateway)
            self.assertEqual(self.assert_served(good, gateway)["source"], "ocsp")


if __name__ == "__main__":
    main()
