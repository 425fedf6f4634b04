"""Revocation lists that certificates name: fetched when one is wanting, waited for by nobody else, verified like a file's,
renewed ahead, and in doubt a refusal with its reason.

mtls-invariants I4, I9, I10, I11, I20, I26, L5, L8; host file `revocation.crl.*.fetch`.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Optional

from harness import client, env
from harness.case import main
from harness.crl import Crl, revoking
from harness.document import STRICT
from harness.gateway import Gateway
from harness.http2 import Http2
from harness.list_server import ListServer, Served
from harness.lists_case import ListsCase
from harness.ocsp_responder import ResponderCase
from harness.pki import CLIENT, Identity, pki
from test_journal import await_rows

REVOKED = "FAILED:certificate revoked"
FAILED = "FAILED:certificate status request failed"
TIMEOUT = 0.5
SKEW = 300  # seconds that a list counts for after its nextUpdate


class FetchCase(ListsCase):
    """Every test has a path of its own, whose lists are about the certificates that name it and no others."""

    lists: ListServer
    timeout = TIMEOUT

    @classmethod
    def setUpClass(cls) -> None:
        cls.lists = ListServer()
        cls.addClassCleanup(cls.lists.stop)
        super().setUpClass()

    def setUp(self) -> None:
        self.lists.release.clear()
        self.name = self.token()

    @classmethod
    def lists_of_strict(cls) -> dict[str, Any]:
        return {"fetch": True}

    def client(self, *names: str, **how: Any) -> Identity:
        issuer = how.pop("issuer", None) or pki().int_a
        return issuer.issue(self.token(), extensions=(CLIENT, self.lists.names(*(names or (self.name,)))), **how)

    def list(self, *revoked: Identity, name: str = "", **how: Any) -> bytes:
        scope = {"idp": self.lists.scope(name or self.name)}
        return Crl(**{"authority": pki().int_a, "entries": revoking(*revoked), **scope, **how}).der()

    def put(self, *revoked: Identity, name: str = "", delivery: str = "whole", **how: Any) -> None:
        self.lists.put(name or self.name, Served(self.list(*revoked, name=name, **how), delivery=delivery))

    def evidence(self, who: Identity, verify: str, gateway: Optional[Gateway] = None, http2: bool = False) -> Any:
        response, line = self.asked(who, gateway=gateway, http2=http2)
        self.assertEqual((response.status, line.verify), (200 if verify == "SUCCESS" else 400, verify), line.own)
        if verify != "SUCCESS" and not http2:
            self.assert_certificate_error(response)
        return line.own["revocation"]

    def assert_fails(self, who: Identity, reason: str, gateway: Optional[Gateway] = None) -> Any:
        evidence = self.evidence(who, FAILED, gateway)
        self.assertEqual((evidence["source"], evidence["status"], evidence["reason"]), ("crl", "failed", reason))
        return evidence

    def fetch_failed(self, name: str, reason: str, gateway: Optional[Gateway] = None) -> dict[str, Any]:
        gateway = gateway or self.gateway

        def told() -> list[dict[str, Any]]:
            events = gateway.events("crl.fetch_failed")
            return [one for one in events if one["url"] == self.lists.url(name) and one["reason"] == reason]

        return gateway.wait_for(f"{name} to fail with {reason}", told)[-1]


class Fetching(FetchCase):
    def test_the_first_request_ever_succeeds_and_the_next_clients_find_the_list(self) -> None:
        for http2 in (False, True):
            with self.subTest(http2=http2):
                self.name = self.token()
                good, bad, other = self.client(), self.client(), self.client()
                self.put(bad)
                evidence = self.evidence(good, "SUCCESS", http2=http2)
                self.assertEqual((evidence["source"], evidence["status"], evidence["reason"]), ("crl", "good", ""))
                self.assertEqual(evidence["url"], self.lists.url(self.name))
                self.assertGreaterEqual(evidence["latency"], 0)
                self.assertLess(evidence["age"], 60)
                self.assertIn("waited", evidence)
                evidence = self.evidence(bad, REVOKED, http2=http2)
                self.assertEqual((evidence["status"], evidence["url"]), ("revoked", self.lists.url(self.name)))
                self.evidence(other, "SUCCESS", http2=http2)
                self.assertEqual(len(self.lists.fetches(self.name)), 1)

    def test_the_journal_has_the_url(self) -> None:
        bad = self.client()
        self.put(bad)
        _, line = self.asked(bad)
        (entry,) = await_rows(self.gateway, 1, "event='request' AND connection=?", line.own["connection"])
        self.assertEqual((entry["revocation_source"], entry["revocation_status"]), ("crl", "revoked"))
        self.assertEqual(entry["responder"], self.lists.url(self.name))
        self.assertGreaterEqual(entry["latency"], 0)

    def test_L8_a_hanging_server_costs_the_timeout_and_nobody_else_waits(self) -> None:
        known, waiting = self.token(), self.client()
        other = self.client(known)
        self.put(name=known)
        self.evidence(other, "SUCCESS")
        self.put(delivery="hold")
        with self.gateway.tls(STRICT, waiting) as wire:
            began = time.monotonic()
            target = "/" + self.token()
            wire.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")
            with self.gateway.tls(STRICT, other) as bystander:
                self.assertEqual(bystander.request("/").status, 200)
            self.assertLess(time.monotonic() - began, TIMEOUT)
            self.assert_certificate_error(wire.read())
            self.assertLess(time.monotonic() - began, TIMEOUT + env.patience(0.25))
        line = self.gateway.access_for(target)
        self.assertEqual((line.verify, line.own["revocation"]["reason"]), (FAILED, "crl.timeout"))
        # The download goes on, but nobody waits for it any more, and whoever comes when it has ended is served.
        began = time.monotonic()
        self.assert_fails(waiting, "crl.timeout")
        self.assertLess(time.monotonic() - began, TIMEOUT)
        self.lists.release.set()
        self.gateway.wait_for("the list", lambda: self.asked(waiting)[0].status == 200)
        self.assertEqual(len(self.lists.fetches(self.name)), 1)

    def test_I11_every_other_answer_is_a_named_refusal(self) -> None:
        one = self.client()
        cases: dict[str, bytes | Served] = {
            "crl.http_status": Served(b"no", 500),
            "crl.malformed": b"\x30\x82\xff\xff",
            "crl.bad_signature": self.list(signer=pki().root_b),
            "crl.unknown_issuer": self.list(authority=pki().root_b),
            "crl.no_number": self.list(number=None),
            "crl.indirect": self.list(idp=b"\x30\x03\x84\x01\xff"),
            "crl.too_large": Served(length=17 << 20, delivery="head"),
            "crl.unreachable": Served(delivery="close"),
        }
        for reason, served in cases.items():
            with self.subTest(reason):
                name = self.token()
                self.lists.put(name, served)
                evidence = self.assert_fails(self.client(name), reason)
                self.assertEqual(evidence["url"], self.lists.url(name))
                self.assertTrue(evidence["detail"])
                self.fetch_failed(name, reason)
        # A redirection leads nowhere.
        self.put(one)
        name = self.token()
        self.lists.put(name, Served(status=302, location=self.lists.url(self.name)))
        self.assert_fails(self.client(name), "crl.http_status")
        self.assertEqual(self.lists.fetches(self.name), [])
        # One failure is remembered for two seconds.
        self.assertEqual(len(self.lists.fetches(name)), 1)
        self.assert_fails(self.client(name), "crl.http_status")
        self.assertEqual(len(self.lists.fetches(name)), 1)

    def test_I20_link_local_addresses_are_not_fetched_from(self) -> None:
        point = "crlDistributionPoints=URI:http://169.254.169.254/latest/meta-data/"
        who = pki().int_a.issue(self.token(), extensions=(CLIENT, point))
        self.assert_fails(who, "crl.address_denied")

    def test_a_certificate_that_names_no_list_is_refused(self) -> None:
        self.assert_fails(pki().good, "crl.missing")

    def test_one_of_several_urls_suffices(self) -> None:
        dead = self.token()
        self.lists.put(dead, Served(delivery="hang"))
        self.put()
        began = time.monotonic()
        self.evidence(self.client(dead, self.name), "SUCCESS")
        self.assertLess(time.monotonic() - began, TIMEOUT)

    def test_I20_a_certificate_that_does_not_verify_makes_nobody_fetch(self) -> None:
        self.put()
        before = self.lists.connections
        strangers = {
            "other CA": self.client(issuer=pki().int_b),
            "expired": self.client(start=-7200, end=-3600),
            "a server's": pki().int_a.issue(
                self.token(), extensions=("extendedKeyUsage=serverAuth", self.lists.names(self.name))
            ),
        }
        for what, who in strangers.items():
            for http2 in (False, True):
                with self.subTest(what, http2=http2):
                    response, line = self.asked(who, http2=http2)
                    self.assertEqual(response.status, 400)
                    self.assertNotIn(line.verify, ("SUCCESS", REVOKED, FAILED))
                    self.assertNotIn("revocation", line.own)
        self.assertEqual(self.lists.connections, before)

    def test_fifty_connections_cause_one_fetch(self) -> None:
        who = self.client()
        self.put(delivery="hold")
        context, statuses = client.tls_context(who), []

        def ask() -> None:
            with self.gateway.tls(STRICT, context=context) as wire:
                statuses.append(wire.request("/").status)

        threads = [threading.Thread(target=ask) for _ in range(50)]
        for thread in threads:
            thread.start()
        env.wait_until("the fetch", lambda: self.lists.fetches(self.name))
        self.lists.release.set()
        for thread in threads:
            thread.join()
        # Whoever came later than the timeout allows, on a busy machine, asked again.
        self.assertEqual(statuses.count(200), 50)
        self.assertEqual(len(self.lists.fetches(self.name)), 1)

    def test_I9_clients_that_go_away_while_they_wait_leave_nothing_behind(self) -> None:
        who = self.client()
        self.put(delivery="hold")
        for version in client.BOTH:
            for _ in range(5):
                with self.gateway.tls(STRICT, who, version) as wire:
                    wire.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    env.wait_until("the fetch", lambda: self.lists.fetches(self.name))
                    wire.reset()
        with Http2(self.gateway.port(STRICT), who) as streams:
            for _ in range(5):
                streams.begin("/")
            streams.flush()
        self.lists.release.set()
        self.gateway.wait_for("the list", lambda: self.asked(who)[0].status == 200)

    def test_explain_names_the_url_and_asks_like_the_gate(self) -> None:
        good, bad = self.client(), self.client()
        self.put(bad)
        code, told = self.gateway.explain("strict", good)
        self.assertEqual((code, told["revocation"]), (0, "open"))
        (check,) = [one for one in told["paths"][-1]["checks"] if one["check"] == "revocation"]
        self.assertIn("fetches " + self.lists.url(self.name), check["evidence"])
        self.assertEqual(self.lists.fetches(self.name), [])
        code, told = self.gateway.explain("strict", good, "--ocsp", "cache")
        self.assertEqual((code, told["revocation"]["reason"]), (2, "crl.unreachable"))
        self.assertEqual(self.lists.fetches(self.name), [])
        for who, status in ((good, "good"), (bad, "revoked")):
            _, told = self.gateway.explain("strict", who, "--ocsp", "live")
            self.assertEqual(told["revocation"]["status"], status)
            self.assertEqual(told["revocation"]["url"], self.lists.url(self.name))
        self.lists.put(self.name, Served(b"no", 500))
        _, told = self.gateway.explain("strict", good, "--ocsp", "live")
        self.assertEqual((told["status"], told["revocation"]["reason"]), (400, "crl.http_status"))


class Renewed(FetchCase):
    """Ahead of its end, while somebody is judged by it."""

    def test_L5_I4_a_renewed_list_cuts_live_connections_and_sessions(self) -> None:
        who, other = self.client(), self.client()
        self.put(next_update=2, number=1)
        with self.gateway.tls(STRICT, who) as idle, self.gateway.tls(STRICT, other) as bystander:
            self.assertEqual((idle.request("/").status, bystander.request("/").status), (200, 200))
            session, context = idle.sock.session, idle.sock.context  # type: ignore[union-attr]
            self.put(who, number=2)
            self.assertTrue(idle.ends(), "the idle connection of a revoked client is closed")
            self.assertEqual(bystander.request("/").status, 200)
        ended = self.gateway.wait_event("admission.ended")
        self.assertEqual((ended["cause"], ended["code"]), ("revoked", "client_cert.revoked"))
        with self.gateway.tls(STRICT, context=context, session=session) as wire:
            self.assert_certificate_error(wire.request("/"))
        self.evidence(who, REVOKED)
        self.assertEqual(len(self.lists.fetches(self.name)), 2)

    def test_I26_a_broken_or_older_list_changes_nothing_and_when_the_known_one_ends_nobody_passes(self) -> None:
        who, bad = self.client(), self.client()
        self.put(bad, this_update=-3600, next_update=1.5 - SKEW)
        self.evidence(who, "SUCCESS")
        self.lists.put(self.name, Served(delivery="close"))
        older = self.token()
        known, revoked = self.client(older), self.client(older)
        self.put(revoked, name=older, next_update=2, number=7)
        self.evidence(known, "SUCCESS")
        self.put(name=older, number=6)
        self.fetch_failed(older, "crl.superseded")
        self.evidence(revoked, REVOKED)
        self.evidence(known, "SUCCESS")

        def reason() -> bool:
            response, line = self.asked(who)
            if response.status == 200:
                return False
            evidence = line.own["revocation"]
            self.assertIn("nextUpdate", evidence)
            self.assertIn(evidence["reason"], ("crl.expired", "crl.unreachable"))
            return evidence["reason"] == "crl.unreachable"

        # That the list had just come is remembered for two seconds.
        self.gateway.wait_for("the list to end, and a fetch to fail", reason)
        self.evidence(who, FAILED)
        self.evidence(bad, REVOKED)

    def test_a_reload_forgets_no_list(self) -> None:
        who = self.client()
        self.put()
        self.evidence(who, "SUCCESS")
        self.lists.put(self.name, Served(delivery="close"))
        self.gateway.reload()
        self.evidence(who, "SUCCESS")
        # Another trust, another slot: what the CA signed counts there too.
        document = self.document().ca("a", pki().int_a.bundle() + pki().sibling_a.pem())
        self.gateway.reload(document)
        self.evidence(who, "SUCCESS")
        self.assertEqual(len(self.lists.fetches(self.name)), 1)


class Restarted(FetchCase):
    """Lists that were fetched before a restart are known after it; nothing rests on the files that hold them."""

    def setUp(self) -> None:
        super().setUp()
        self.own = Gateway(self.document(), {**self.host(), "client_auth": {"journal": 0}})
        self.addCleanup(lambda: self.own.process and self.own.process.poll() is None and self.own.stop())

    def files(self) -> list[Path]:
        return sorted((self.own.directory / "state" / "lists").glob("*.list"))

    def served_once(self, *revoked: Identity) -> None:
        """A gateway has been there that fetched this list, and the server is away now."""
        self.put(*revoked)
        self.own.start()
        self.evidence(self.client(), "SUCCESS", self.own)
        self.own.stop()
        self.lists.put(self.name, Served(delivery="close"))

    def test_nobody_waits_for_a_server_that_is_away(self) -> None:
        good, bad = self.client(), self.client()
        self.served_once(bad)
        (file,) = self.files()
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        self.assertEqual(file.parent.stat().st_mode & 0o777, 0o700)
        for who, status in ((good, "good"), (bad, "revoked")):
            _, told = self.own.explain("strict", who, "--ocsp", "cache")
            self.assertEqual((told["revocation"]["status"], told["revocation"]["url"]), (status, self.lists.url(self.name)))
        self.own.start()
        evidence = self.evidence(good, "SUCCESS", self.own)
        self.assertEqual((evidence["source"], evidence["status"], evidence["reason"]), ("crl", "good", ""))
        self.assertEqual(evidence["url"], self.lists.url(self.name))
        self.evidence(bad, REVOKED, self.own)
        self.fetch_failed(self.name, "crl.unreachable", self.own)
        self.own.stop()
        # Nor for one that hangs, for which whoever waited would be refused.
        self.lists.put(self.name, Served(delivery="hang"))
        self.own.start()
        self.evidence(good, "SUCCESS", self.own)

    def test_a_newer_list_is_fetched_all_the_same_and_cuts_whom_it_revokes(self) -> None:
        who = self.client()
        self.served_once()
        self.put(who, number=9, delivery="hold")
        self.own.start()
        with self.own.tls(STRICT, who) as wire:
            self.assertEqual(wire.request("/").status, 200)
            self.lists.release.set()
            self.assertTrue(wire.ends(), "the revoked client's connection is closed")
        self.evidence(who, REVOKED, self.own)
        self.own.stop()
        # And that is known after the next restart.
        self.lists.put(self.name, Served(delivery="close"))
        self.own.start()
        self.evidence(who, REVOKED, self.own)

    def test_what_was_written_outlives_being_killed(self) -> None:
        bad = self.client()
        self.put(bad)
        self.own.start()
        self.evidence(bad, REVOKED, self.own)
        env.wait_until("the list to be written", self.files)
        self.own.process.kill()  # type: ignore[union-attr]
        self.own.wait()
        self.lists.put(self.name, Served(delivery="close"))
        self.own.start()
        self.evidence(bad, REVOKED, self.own)

    def test_a_file_that_says_something_else_is_not_believed(self) -> None:
        good, bad = self.client(), self.client()
        self.served_once(bad)
        (file,) = self.files()
        head = b"\n".join(file.read_bytes().split(b"\n")[:3]) + b"\n"
        for what in (b"nonsense", self.list(spoil_signature=True), self.list(authority=pki().int_b), b""):
            with self.subTest(what[:8]):
                file.write_bytes(head + what)
                self.own.start()
                self.assert_fails(good, "crl.unreachable", self.own)
                self.own.stop()
        # The server's word counts where there is one, and is written down again.
        listed = self.list(bad, number=3)
        self.lists.put(self.name, listed)
        self.own.start()
        self.evidence(bad, REVOKED, self.own)
        self.own.stop()
        self.assertTrue(file.read_bytes().endswith(listed))

    def test_without_a_state_directory_lists_are_fetched_and_the_log_says_what_that_costs(self) -> None:
        self.put()
        file = env.new_dir("state") / "file"
        file.touch()
        self.own.host["state_dir"] = str(file / "state")
        self.own.write(self.document())
        self.own.start()
        self.evidence(self.client(), "SUCCESS", self.own)
        said = self.own.wait_event("crl_memory.off")
        self.assertIn("fetched anew", said["do"])


class Cold(FetchCase):
    extra = {"cold_cache": "refuse"}

    def test_the_first_request_is_refused_where_the_operator_says_so(self) -> None:
        who = self.client()
        self.put(delivery="hold")
        self.assert_fails(who, "crl.pending")
        self.lists.release.set()
        self.gateway.wait_for("the list", lambda: self.asked(who)[0].status == 200)


class Lenient(FetchCase):
    extra = {"unreachable": "allow", "no_responder": "allow", "expired_response": "allow", "unknown": "allow"}

    def test_I11_what_could_not_be_had_may_be_allowed_and_what_is_wrong_may_not(self) -> None:
        cases: dict[str, Served] = {
            "crl.http_status": Served(b"no", 503),
            "crl.unreachable": Served(delivery="close"),
        }
        for reason, served in cases.items():
            with self.subTest(reason):
                name = self.token()
                self.lists.put(name, served)
                evidence = self.evidence(self.client(name), "SUCCESS")
                self.assertEqual((evidence["reason"], evidence["allowed"]), (reason, True))
        allowed = self.gateway.events("revocation.allowed")
        self.assertEqual({line["reason"] for line in allowed}, set(cases))
        self.assertTrue(all(line["url"].startswith(self.lists.url("")) for line in allowed))
        wrong: dict[str, bytes | Served] = {
            "crl.bad_signature": self.list(spoil_signature=True),
            "crl.malformed": b"nonsense",
            "crl.too_large": Served(length=17 << 20, delivery="head"),
        }
        for reason, what in wrong.items():
            with self.subTest(reason):
                name = self.token()
                self.lists.put(name, what)
                self.assert_fails(self.client(name), reason)


class WithResponder(ResponderCase, FetchCase):
    """OCSP and fetched lists: both are asked at one time, and nobody waits for one after the other."""

    revocation = "OCSP"

    def both(self, how: str) -> Identity:
        names = (CLIENT, self.lists.names(self.name), *self.responder.aia())
        who = pki().int_a.issue(self.token(), extensions=names)
        self.responder.behave(how, who)
        return who

    def test_the_responder_first(self) -> None:
        good = self.both("good")
        self.lists.put(self.name, Served(delivery="hang"))
        began = time.monotonic()
        self.assertEqual(self.evidence(good, "SUCCESS")["source"], "ocsp")
        self.assertLess(time.monotonic() - began, TIMEOUT)
        self.name = self.token()
        silent, bad = self.both("close"), self.both("hang")
        self.put(bad)
        self.assertEqual(self.evidence(silent, "SUCCESS")["source"], "crl")
        self.evidence(bad, REVOKED)
        self.name = self.token()
        neither = self.both("hang")
        self.lists.put(self.name, Served(delivery="hang"))
        with self.gateway.tls(STRICT, neither) as wire:
            began = time.monotonic()
            self.assert_certificate_error(wire.request("/"))
            self.assertLess(time.monotonic() - began, TIMEOUT + env.patience(0.25))

    def test_lists_first(self) -> None:
        host = {**self.host(), "revocation": {**self.host()["revocation"], "order": ["crl", "ocsp"]}}
        with Gateway(self.document(), host) as gateway:
            good = self.both("close")
            self.put()
            self.assertEqual(self.evidence(good, "SUCCESS", gateway)["source"], "crl")
            self.name = self.token()
            self.lists.put(self.name, Served(delivery="hang"))
            by_responder = self.both("good")
            self.assertEqual(self.evidence(by_responder, "SUCCESS", gateway)["source"], "ocsp")
            # Ends in time, with a fetch under way and a client that waits for it.
            self.name = self.token()
            self.lists.put(self.name, Served(delivery="hang"))
            with gateway.tls(STRICT, self.both("hang")) as wire:
                wire.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                env.wait_until("the fetch", lambda: self.lists.fetches(self.name))
                reader = threading.Thread(target=lambda: (wire.reader.rest(), wire.close()))
                reader.start()
                began = time.monotonic()
                gateway.stop()
                self.assertLess(time.monotonic() - began, TIMEOUT + env.patience(1))
                reader.join()


if __name__ == "__main__":
    main()
