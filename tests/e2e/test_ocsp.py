"""OCSP from a cold start: what the first request waits for, what is asked how often, and what a revoked client meets.

azure-semantics §1.6, §6.1; mtls-invariants I9, I11, I20, I26, L8. Every behaviour of a responder against every certificate is
test_revocation's.
"""

from __future__ import annotations

import resource
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any, Optional

from harness import env
from harness.case import GatewayCase, main
from harness.client import BOTH, tls_context
from harness.document import NO_PROFILE, STRICT, Document
from harness.gateway import Gateway
from harness.http2 import Http2
from harness.http_wire import Closed, Response
from harness.ocsp_responder import EGRESS, Answer, OcspResponder, ResponderCase
from harness.pki import Identity, pki
from harness.websocket import WebSocketBackend, ask
from test_websocket_http2 import Tunnel

REQUEST_FAILED = "FAILED:certificate status request failed"
SOCKETS = 9001


class OcspCase(ResponderCase, GatewayCase):
    @classmethod
    def document(cls) -> Document:
        document = super().document().profile("strict", "Strict", ["a"], revocation="OCSP")
        document.http2()
        return document

    @classmethod
    def host(cls) -> dict[str, Any]:
        return {"egress": EGRESS, "revocation": {"timeout": "2s"}}

    def client(self, how: Optional[str | Answer] = None) -> Identity:
        """A client of its own, whose certificate names the responder."""
        identity = self.responder.issue("ocsp-" + self.token())
        if how is not None:
            self.responder.behave(how, identity)
        return identity

    def ask(self, identity: Identity, gateway: Optional[Gateway] = None) -> tuple[Response, dict[str, Any]]:
        """One request on a connection of its own: the answer, and the log's `portcullis` object."""
        response, line = self.asked(identity, gateway=gateway)
        return response, {**line.own, "verify": line.verify}

    def logged(self, target: str) -> dict[str, Any]:
        line = self.gateway.access_for(target)
        return {**line.own, "verify": line.verify}

    def assert_refused(self, response: Response, own: dict[str, Any], verify: str, reason: str, ocsp: str) -> None:
        self.assert_certificate_error(response)
        self.assertEqual((own["verify"], own["reason"]), (verify, reason))
        self.assertEqual(own["revocation"]["reason"], ocsp)


class Ocsp(OcspCase):
    def test_the_first_request_ever_waits_and_succeeds(self) -> None:
        identity = self.client(Answer(delay=0.3))
        response, own = self.ask(identity)
        self.assertEqual(response.status, 200, response.text)
        evidence = own["revocation"]
        self.assertEqual((own["verify"], evidence["status"], evidence["source"]), ("SUCCESS", "good", "ocsp"))
        self.assertFalse(evidence["cacheHit"])
        self.assertGreaterEqual(evidence["latency"], 0.3)
        self.assertEqual(evidence["responder"], self.responder.url)
        self.assertLess(evidence["thisUpdate"], evidence["nextUpdate"])
        self.assertEqual([query.method for query in self.responder.queries(identity)], ["GET"])
        # From then on nobody waits and nobody asks: not this client, not on the other worker, not resumed.
        for _ in range(6):
            response, own = self.ask(identity)
            self.assertEqual(response.status, 200)
            self.assertTrue(own["revocation"]["cacheHit"])
            self.assertEqual(own["revocation"]["waited"], 0)
        self.assertEqual(len(self.responder.queries(identity)), 1)

    def test_the_revoked_and_the_unknown_are_refused(self) -> None:
        response, own = self.ask(self.client("revoked"))
        self.assert_refused(response, own, "FAILED:certificate revoked", "client_cert.revoked", "")
        self.assertIn("revokedAt", own["revocation"])
        response, own = self.ask(self.client("unknown"))
        self.assert_refused(
            response, own, "FAILED:certificate status unknown", "client_cert.status_unknown", "ocsp.unknown"
        )

    def test_on_http2_too(self) -> None:
        good, revoked = self.client(), self.client("revoked")
        with Http2(self.gateway.port(STRICT), good) as wire:
            self.assertEqual(wire.request("/").status, 200)
        with Http2(self.gateway.port(STRICT), revoked) as wire:
            self.assertEqual(wire.request("/").status, 400)

    def test_a_hanging_responder_costs_the_timeout_and_no_more(self) -> None:
        identity = self.client("hang")
        began = time.monotonic()
        response, own = self.ask(identity)
        took = time.monotonic() - began
        self.assert_refused(
            response, own, REQUEST_FAILED, "client_cert.status_request_failed", "ocsp.timeout"
        )
        self.assertLess(took, env.patience(2.5))
        self.assertGreaterEqual(took, 1.9)
        # The failure is remembered for a moment.
        self.ask(identity)
        self.assertEqual(len(self.responder.queries(identity)), 1)

    def test_nobody_else_waits_with_a_client(self) -> None:
        slow = self.client("hang")
        fast = self.client()
        self.assertEqual(self.ask(fast)[0].status, 200)
        with self.gateway.tls(STRICT, slow) as waiting:
            waiting.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.responder.wait_queries(slow)
            for _ in range(8):
                response, own = self.ask(fast)
                self.assertEqual(response.status, 200)
                self.assertEqual(own["revocation"]["waited"], 0)
            self.assertEqual(waiting.read().status, 400)

    def test_the_query_starts_with_the_handshake_not_with_the_request(self) -> None:
        identity = self.client()
        with self.gateway.tls(STRICT, identity) as wire:
            self.responder.wait_queries(identity)
            target = "/" + self.token()
            self.assertEqual(wire.request(target).status, 200)

    def test_a_certificate_without_a_responder_is_refused(self) -> None:
        response, own = self.ask(pki().good)
        self.assert_refused(
            response, own, REQUEST_FAILED, "client_cert.status_request_failed", "ocsp.no_responder"
        )

    def test_an_untrusted_certificate_makes_nobody_ask(self) -> None:
        with OcspResponder(pki().root_b) as canary:
            stranger = canary.issue("canary-" + self.token())
            response, own = self.ask(stranger)
            self.assert_certificate_error(response)
            self.assertNotIn("revocation", own)
            self.assertEqual(canary.connections, 0)

    def test_an_answer_without_next_update_is_nobody_elses(self) -> None:
        identity = self.client("no-next-update")
        for count in (1, 2, 3):
            self.assertEqual(self.ask(identity)[0].status, 200)
            self.assertEqual(len(self.responder.queries(identity)), count)

    def test_the_answer_is_renewed_ahead_and_a_revoked_client_is_refused_on_its_connection(self) -> None:
        # Good for so long that the client's connection is there when the renewal comes.
        identity = self.client(Answer(next_update=4))
        with self.gateway.tls(STRICT, identity) as h1, Http2(self.gateway.port(STRICT), identity) as h2:
            self.assertEqual(h1.request("/").status, 200)
            self.assertEqual(h2.request("/").status, 200)
            self.responder.behave("revoked", identity)
            self.responder.wait_queries(identity, 2)
            serial = identity.field("-serial").lower()  # other tests have news of theirs
            self.gateway.wait_for(
                "the news",
                lambda: [line for line in self.gateway.events("revocation.revoked") if line["serial"].lower() == serial],
            )
            target = "/" + self.token()
            try:
                self.assertEqual(h1.request(target).status, 400)
                self.assertEqual(self.logged(target)["reason"], "client_cert.revoked")
            except (ConnectionError, Closed):
                pass  # cut off before
            target = "/" + self.token()
            try:
                self.assertEqual(h2.request(target).status, 400)
            except (ConnectionError, Closed, AssertionError):
                pass
        response, _ = self.ask(identity)
        self.assertEqual(response.status, 400)

    def test_a_query_in_the_responders_url_makes_it_a_post(self) -> None:
        identity = pki().int_a.issue(
            "post-" + self.token(),
            extensions=("extendedKeyUsage=clientAuth", f"authorityInfoAccess=OCSP;URI:{self.responder.url}x?ca=1"),
        )
        self.assertEqual(self.ask(identity)[0].status, 200)
        [query] = self.responder.queries(identity)
        self.assertEqual((query.method, query.target), ("POST", "/x?ca=1"))
        self.assertEqual(dict(query.fields).get("Content-Type"), "application/ocsp-request")


class ManyWait(OcspCase):
    @classmethod
    def host(cls) -> dict[str, Any]:
        return {"egress": EGRESS, "revocation": {"timeout": "60s"}}

    def test_a_thousand_connections_of_one_certificate_wait_at_one_time_and_ask_once(self) -> None:
        identity = self.client(Answer(delivery="hold"))
        count = 1000
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        context, target = tls_context(identity), "/" + self.token()
        wires = []
        for _ in range(count):
            wires.append(self.gateway.tls(STRICT, context=context))
            self.addCleanup(wires[-1].close)
            wires[-1].send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        self.responder.wait_queries(identity)
        self.assertEqual(self.backend.all_for(target), [], "nobody is served before the responder has answered")
        self.responder.release.set()
        self.assertEqual([wire.read().status for wire in wires], [200] * count)
        self.assertEqual(len(self.responder.queries(identity)), 1)


class Leaving(OcspCase):
    """Clients that go away at every await of the way to the verdict (I9); the gateway's end is looked at by the harness."""

    sockets: WebSocketBackend

    @classmethod
    def setUpClass(cls) -> None:
        cls.sockets = WebSocketBackend()
        cls.addClassCleanup(cls.sockets.stop)
        super().setUpClass()

    @classmethod
    def document(cls) -> Document:
        document = super().document().settings("sockets", cls.sockets.port)
        return document.listener("sockets", SOCKETS, "strict").rule("to-sockets", "sockets", settings="sockets")

    def leave(self, identity: Identity) -> None:
        """One connection for each place where it can wait and each way to go."""
        post = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nbegun"
        get = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for how in ("close", "reset"):
            for version in BOTH:
                for sent in ("", get[:9], get, get + get, post):
                    wire = self.gateway.tls(STRICT, identity, version)
                    wire.send(sent)
                    getattr(wire, how)()
            wire = self.gateway.tls(SOCKETS, identity)
            wire.send(ask())
            getattr(wire, how)()
            for begin in (self.nothing, self.streams, self.reset_stream, self.upload, self.extended_connect):
                connection = Http2(self.gateway.port(SOCKETS if begin == self.extended_connect else STRICT), identity)
                begin(connection)
                getattr(connection.wire, how)()

    def nothing(self, connection: Http2) -> None:
        pass

    def streams(self, connection: Http2) -> None:
        for _ in range(3):
            connection.begin("/")

    def reset_stream(self, connection: Http2) -> None:
        connection.h2.reset_stream(connection.begin("/"), 8)
        connection.flush()

    def upload(self, connection: Http2) -> None:
        connection.begin("/", method="POST", body=b"begun", end=False)

    def extended_connect(self, connection: Http2) -> None:
        connection.receive()
        Tunnel(connection, "/echo")

    def test_I9_clients_leave_at_every_await_before_the_answer_comes(self) -> None:
        before = self.others()
        identity = self.client(Answer(delivery="hold"))
        self.leave(identity)
        self.responder.release.set()
        self.assertEqual(self.ask(identity)[0].status, 200)
        self.assertEqual(len(self.responder.queries(identity)), 1)
        self.gone(before)

    def test_I9_clients_leave_at_every_await_and_no_answer_comes(self) -> None:
        before = self.others()
        identity = self.client("hang")
        self.leave(identity)
        self.gateway.wait_event("ocsp.failed")
        self.assertEqual(self.ask(identity)[0].status, 400)
        self.gone(before)

    def test_I9_the_gateway_ends_while_clients_wait_and_leave(self) -> None:
        identity = self.client(Answer(delivery="hold"))
        gateway = Gateway(self.document(), self.host()).start()
        wires = [gateway.tls(STRICT, identity) for _ in range(4)]
        for number, wire in enumerate(wires):
            self.addCleanup(wire.close)
            wire.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" if number % 2 else "")
        with Http2(gateway.port(STRICT), identity) as connection:
            self.streams(connection)
            self.responder.wait_queries(identity)
            gateway.signal(signal.SIGTERM)
            gateway.wait_event("draining")
            wires[0].reset()
            wires[1].reset()
        gateway.stop()
        self.responder.release.set()

    def others(self) -> int:
        """What the gateway has open, but for what it keeps to the backend."""
        return self.gateway.descriptors() - self.backend.open_connections

    def gone(self, before: int) -> None:
        self.gateway.wait_for("every connection to be gone", lambda: self.others() <= before + 1)  # one to the responder


class ColdCacheRefuse(OcspCase):
    @classmethod
    def host(cls) -> dict[str, Any]:
        return {"egress": EGRESS, "revocation": {"cold_cache": "refuse"}}

    def test_the_first_request_fails_and_the_next_succeeds(self) -> None:
        identity = self.client(Answer(delivery="hold"))
        response, own = self.ask(identity)
        self.assert_refused(
            response, own, REQUEST_FAILED, "client_cert.status_request_failed", "ocsp.pending"
        )
        self.responder.release.set()
        env.wait_until("the cache to be warm", lambda: self.ask(identity)[0].status == 200)
        self.assertEqual(len(self.responder.queries(identity)), 1)


class Lenient(OcspCase):
    @classmethod
    def host(cls) -> dict[str, Any]:
        allow = {key: "allow" for key in ("unreachable", "unknown", "no_responder", "expired_response")}
        return {"egress": EGRESS, "revocation": {"timeout": "500ms", **allow}}

    def test_what_may_be_allowed_passes_and_is_logged(self) -> None:
        cases = {"unknown": "ocsp.unknown", "hang": "ocsp.timeout", "http-500": "ocsp.http_status",
                 "try-later": "ocsp.try_later", "expired": "ocsp.expired"}  # fmt: skip
        for how, reason in cases.items():
            with self.subTest(how):
                response, own = self.ask(self.client(how))
                self.assertEqual(response.status, 200)
                self.assertEqual((own["revocation"]["allowed"], own["revocation"]["reason"]), (True, reason))
                said = self.gateway.wait_for(
                    "the warning",
                    lambda: [one for one in self.gateway.events("revocation.allowed") if one["reason"] == reason],
                )
                self.assertEqual(said[0]["level"], "warn")
        response, own = self.ask(pki().good)
        self.assertEqual((response.status, own["revocation"]["reason"]), (200, "ocsp.no_responder"))

    def test_what_may_never_be_allowed_is_refused(self) -> None:
        for how in ("revoked", "bad-signature", "stranger", "wrong-serial", "malformed", "unauthorized", "huge",
                    "not-yet-valid"):  # fmt: skip
            with self.subTest(how):
                response, own = self.ask(self.client(how))
                self.assertEqual(response.status, 400)
                self.assertFalse(own["revocation"]["allowed"])

    def test_a_known_revoked_client_stays_so_while_the_responder_is_down(self) -> None:
        identity = self.client(Answer(status="revoked", next_update=1))
        self.assertEqual(self.ask(identity)[0].status, 400)
        self.responder.behave("http-500", identity)

        def asked_again() -> bool:
            self.assertEqual(self.ask(identity)[0].status, 400)
            return len(self.responder.queries(identity)) > 1

        env.wait_until("a query after nextUpdate", asked_again)
        self.assertEqual(self.ask(identity)[0].status, 400)


class Restart(OcspCase):
    """Answers that were heard before a restart are known after it; nothing rests on the file that holds them."""

    @classmethod
    def host(cls) -> dict[str, Any]:
        return {"egress": EGRESS, "revocation": {"timeout": "2s"}, "client_auth": {"journal": 0}}

    def setUp(self) -> None:
        self.own = self.make()

    def make(self, **host: Any) -> Gateway:
        gateway = Gateway(self.document(), {"workers": 2, **self.host(), **host})
        self.addCleanup(lambda: gateway.process and gateway.process.poll() is None and gateway.stop())
        return gateway

    def path(self) -> Path:
        return self.own.directory / "state" / "ocsp.db"

    def rows(self, sql: str) -> list[Any]:
        try:
            with sqlite3.connect(f"file:{self.path()}?mode=ro", uri=True) as database:
                rows = database.execute(sql).fetchall()
            database.close()
            return rows
        except sqlite3.OperationalError:
            return []  # not made yet

    def edit(self, sql: str, *values: Any) -> None:
        with sqlite3.connect(self.path()) as database:
            database.execute(sql, values)
        database.close()

    def assert_answer(self, identity: Identity, status: int, queries: int, reason: str = "") -> dict[str, Any]:
        response, own = self.ask(identity, self.own)
        self.assertEqual(response.status, status, response.text)
        self.assertEqual(own["revocation"]["reason"], reason)
        self.assertEqual(len(self.responder.queries(identity)), queries)
        return own["revocation"]

    def test_a_restart_with_a_saved_cache_causes_no_query(self) -> None:
        good, revoked, short = self.client(), self.client("revoked"), self.client(Answer(next_update=1))
        self.own.start()
        for identity, status in ((good, 200), (revoked, 400), (short, 200)):
            self.assert_answer(identity, status, 1)
        heard_until = time.monotonic() + 1
        self.own.stop()
        self.assertEqual(self.path().stat().st_mode & 0o777, 0o600)
        # With every responder down the first request of each is answered as before.
        for identity in (good, revoked, short):
            self.responder.behave("close", identity)
        self.own.start()
        evidence = self.assert_answer(good, 200, 1)
        self.assertEqual((evidence["status"], evidence["source"]), ("good", "ocsp"))
        self.assert_answer(revoked, 400, 1)
        with Http2(self.own.port(STRICT), good) as wire:
            self.assertEqual(wire.request("/").status, 200)
        # What had an end and has passed it is asked for anew.
        env.wait_until("the answer to expire", lambda: time.monotonic() > heard_until + 0.2)
        response, own = self.ask(short, self.own)
        self.assertEqual((response.status, own["revocation"]["reason"]), (400, "ocsp.unreachable"))
        self.assertGreater(len(self.responder.queries(short)), 1)
        self.own.stop()
        self.assertEqual(len(self.responder.queries(good)), 1)

    def test_I26_revoked_stays_so_until_a_newer_good_answer(self) -> None:
        identity = self.client(Answer(status="revoked", this_update=-300, next_update=-1))
        self.own.host["revocation"] = {"timeout": "2s", "unreachable": "allow"}
        self.own.write(self.document())
        self.own.start()
        self.assert_answer(identity, 400, 1)
        self.own.stop()
        for how in ("close", Answer(this_update=-600), "unknown"):
            self.responder.behave(how, identity)
            before = len(self.responder.queries(identity))
            self.own.start()
            self.assertEqual(self.ask(identity, self.own)[0].status, 400, how)
            self.own.stop()
            self.assertGreater(len(self.responder.queries(identity)), before)
        self.responder.behave("good", identity)
        self.own.start()
        self.assertEqual(self.ask(identity, self.own)[0].status, 200)
        self.own.stop()
        # And that is known after the next restart.
        self.responder.behave("close", identity)
        count = len(self.responder.queries(identity))
        self.own.start()
        self.assert_answer(identity, 200, count)

    def test_what_was_written_outlives_being_killed(self) -> None:
        identity = self.client("revoked")
        self.own.start()
        self.assert_answer(identity, 400, 1)
        env.wait_until("the answer to be written", lambda: self.rows("SELECT key FROM answer"))
        self.own.process.kill()  # type: ignore[union-attr]
        self.own.wait()
        self.responder.behave("close", identity)
        self.own.start()
        self.assert_answer(identity, 400, 1)

    def test_a_file_that_says_something_else_is_not_believed(self) -> None:
        good, revoked = self.client(), self.client("revoked")
        self.own.start()
        self.assert_answer(good, 200, 1)
        self.assert_answer(revoked, 400, 1)
        self.own.stop()
        # The good one's answer in the place of the revoked one's, and nonsense in its own.
        ((key, response),) = self.rows("SELECT key, response FROM answer WHERE revoked=0")
        self.edit("UPDATE answer SET response=?, revoked=0 WHERE revoked=1", response)
        self.edit("UPDATE answer SET response=x'3003' WHERE key=?", key)
        self.own.start()
        self.assert_answer(revoked, 400, 2)
        self.assert_answer(good, 200, 2)

    def test_a_damaged_file_is_set_aside_and_costs_the_queries_only(self) -> None:
        identity = self.client()
        self.own.start()
        self.assert_answer(identity, 200, 1)
        self.own.stop()
        whole = self.path().read_bytes()
        half = whole[: len(whole) // 2 + 100]
        for count, damaged in enumerate((b"not a database " * 1000, half, whole[:4096] + b"\0" * (len(whole) - 4096)), 2):
            self.path().write_bytes(damaged)
            self.own.start()
            self.assert_answer(identity, 200, count)
            self.own.wait_event("ocsp_memory.damaged", count - 1)
            self.own.stop()
            self.assertEqual(self.path().with_name("ocsp.db.damaged").read_bytes(), damaged)

    def test_a_successor_reads_while_its_predecessor_still_has_the_directory(self) -> None:
        identity, later = self.client(), self.client()
        first = self.own.start()
        self.assert_answer(identity, 200, 1)
        env.wait_until("the answer to be written", lambda: self.rows("SELECT key FROM answer"))
        second = self.make(state_dir=str(self.path().parent)).start()
        self.assertEqual(self.ask(identity, second)[0].status, 200)
        self.assertEqual(len(self.responder.queries(identity)), 1)
        said = second.wait_event("ocsp_memory.unavailable")
        self.assertEqual(said["code"], "store.locked")
        self.assertEqual(self.ask(later, second)[0].status, 200)
        first.stop()
        second.stop()  # it writes what waited
        self.responder.behave("close", later)
        self.own = self.make(state_dir=str(self.path().parent)).start()
        self.assert_answer(later, 200, 1)

    def test_without_a_usable_directory_it_serves_and_says_so(self) -> None:
        file = env.new_dir("state") / "file"
        file.touch()
        open_to_all = env.new_dir("state")
        open_to_all.chmod(0o777)
        identity = self.client()
        for count, (state, why) in enumerate(((file / "state", "cannot be made"), (open_to_all, "others may write")), 1):
            gateway = self.make(state_dir=str(state)).start()
            said = gateway.wait_event("ocsp_memory.off")
            self.assertEqual((said["level"], said["code"]), ("warn", "state_dir.unusable"))
            self.assertIn(why, said["message"])
            self.assertEqual(self.ask(identity, gateway)[0].status, 200)
            self.assertEqual(len(self.responder.queries(identity)), count)
            gateway.stop()
        self.assertEqual(list(open_to_all.iterdir()), [])
        # With a journal to keep it is refused, as everywhere.
        gateway = self.make(state_dir=str(open_to_all), client_auth={"journal": 5}).spawn()
        self.assertEqual(gateway.wait(), 1)
        self.assertIn("state_dir.unusable", gateway.stderr_path.read_text())


class Egress(OcspCase):
    @classmethod
    def host(cls) -> dict[str, Any]:
        return {}

    def test_the_address_policy_stands_between_certificates_and_this_machine(self) -> None:
        identity = self.client()
        response, own = self.ask(identity)
        self.assert_refused(
            response, own, REQUEST_FAILED, "client_cert.status_request_failed", "ocsp.address_denied"
        )
        self.assertEqual(self.responder.connections, 0)


class OverrideAndIntermediates(OcspCase):
    """Every certificate below the root is asked about, at one responder of the operator's choice."""

    @classmethod
    def host(cls) -> dict[str, Any]:
        override = {"responder": cls.responder.url, "intermediates": True, "nonce": True}
        return {"egress": EGRESS, "revocation": {"timeout": "2s", **override}}

    def test_the_answer_has_to_come_from_each_issuer(self) -> None:
        self.responder.default = Answer(nonce="echo")
        identity = pki().good
        response, own = self.ask(identity)
        # The leaf's answer holds; the intermediate's is signed by the intermediate itself, which may not speak for it.
        self.assertEqual(response.status, 400)
        self.assertEqual(own["revocation"]["reason"], "ocsp.bad_signature")
        queries = self.responder.queries()
        self.assertEqual(len(queries), 2)
        self.assertTrue(all(query.method == "POST" and query.nonce for query in queries))


class Stapling(OcspCase):
    """The gateway's own certificate, from a CA that has a responder."""

    server: Identity
    NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1"

    @classmethod
    def document(cls) -> Document:
        cls.server = pki().int_a.issue(
            "stapled", "/CN=localhost", (cls.NAMES, "extendedKeyUsage=serverAuth", *cls.responder.aia())
        )
        bundle = env.new_dir("stapled") / "server.pem"
        bundle.write_text(cls.server.key.read_text() + cls.server.chain.read_text())
        cls.responder.behave(Answer(next_update=4), cls.server)
        return super().document().certificate("server", f"@{bundle}")

    def staple(self, version: str, port: int = NO_PROFILE) -> str:
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{self.gateway.port(port)}", "-status", version],
            input=b"",
            capture_output=True,
            timeout=env.patience(20),
            check=False,
        )
        return done.stdout.decode(errors="replace")

    def test_handshakes_carry_a_staple_that_is_renewed_ahead(self) -> None:
        self.gateway.wait_event("staple.renewed")
        for version in ("-tls1_2", "-tls1_3"):
            for port in (NO_PROFILE, STRICT):
                said = self.staple(version, port)
                self.assertIn("OCSP Response Status: successful", said)
                self.assertIn("Cert Status: good", said)
        self.responder.wait_queries(self.server, 2)
        # A reload neither loses it nor asks again for it.
        self.gateway.wait_event("staple.renewed", 2)
        count = len(self.responder.queries(self.server))
        self.gateway.reload(self.document())
        self.assertIn("Cert Status: good", self.staple("-tls1_3"))
        self.assertLessEqual(len(self.responder.queries(self.server)), count + 1)
        # With the responder down handshakes go on, at last without one.
        self.responder.behave("http-500", self.server)
        self.gateway.wait_event("staple.failed")
        env.wait_until("the staple to end", lambda: "OCSP response: no response sent" in self.staple("-tls1_3"))


if __name__ == "__main__":
    main()
