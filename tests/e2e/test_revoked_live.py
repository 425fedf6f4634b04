"""A client that is revoked while it is connected: whatever its connections carry ends, by either source of the news, and
nobody else notices.

mtls-invariants L5, I4, I8; host file `limits.closures_per_s`.
"""

from __future__ import annotations

import ssl
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from harness import client, env
from harness.case import main
from harness.crl import Crl, revoking
from harness.document import STRICT, Document
from harness.gateway import LogLine
from harness.http2 import Http2
from harness.http_wire import Closed, Wire
from harness.ocsp_responder import EGRESS, Answer, ResponderCase
from harness.pki import Identity, pki
from harness.websocket import echoes, opened
from test_journal import await_rows
from test_live_connections import SOCKETS, LiveCase
from test_websocket_http2 import Tunnel

REVOKED = "FAILED:certificate revoked"


class Connections:
    """One of each kind, all of one client."""

    def __init__(self, case: LiveCase, who: Identity) -> None:
        self.h1: Wire = case.h1(identity=who)
        self.h2: Http2 = case.h2(identity=who)
        self.socket: Wire = opened(case.h1(SOCKETS, who))
        self.tunnel: Tunnel = case.tunnel(who)

    def alive(self) -> bool:
        served = self.h1.request("/").status == 200 and self.h2.request("/").status == 200
        return served and echoes(self.socket, b"alive") and self.tunnel.echoes(b"alive")


class RevokedCase(LiveCase):
    source = ""

    @classmethod
    def document(cls) -> Document:
        return super().document().profile("strict", "Strict", ["a"], revocation="OCSP" if cls.source == "ocsp" else "None")

    def client(self) -> Identity:
        raise NotImplementedError

    def news(self, who: Identity) -> float:
        """Revokes `who`, and returns when the gateway was told (time.monotonic())."""
        raise NotImplementedError

    def assert_says_why(self, line: LogLine) -> None:
        self.assertEqual((line.verify, line.reason), (REVOKED, "client_cert.revoked"))
        evidence = line.own["revocation"]
        self.assertEqual((evidence["source"], evidence["status"], evidence["reason"]), (self.source, "revoked", ""))
        self.assertIn("thisUpdate", evidence)


    def assert_journal_says_why(self, event: str, connection: int) -> None:
        (entry,) = await_rows(self.gateway, 1, "event=? AND connection=?", event, connection)
        self.assertEqual((entry["outcome"], entry["reason"]), ("refused", "client_cert.revoked"))
        self.assertEqual(entry["log_value"], REVOKED)
        self.assertEqual((entry["revocation_source"], entry["revocation_status"]), (self.source, "revoked"))
        self.assertLess(entry["revoked_at"], entry["time"])


class Everything:
    """The tests of both sources. A mixin, so that nobody runs it without one."""

    def test_L5_I4_revoking_ends_every_connection_refuses_every_session_and_concerns_nobody_else(self: Any) -> None:
        who, other = self.client(), self.client()
        with self.gateway.tls(STRICT, other) as wire:
            self.assertEqual(wire.request("/").status, 200)
        sessions: list[tuple[ssl.SSLContext, ssl.SSLSession]] = []
        for version in client.BOTH:
            with self.gateway.tls(STRICT, who, version) as wire:
                self.assertEqual(wire.request("/").status, 200)
                sessions.append((wire.sock.context, wire.sock.session))
        concerned, bystander = Connections(self, who), Connections(self, other)
        self.assertTrue(concerned.alive() and bystander.alive())
        told = self.news(who)

        self.closes_cleanly(concerned.h1)
        self.assertTrue(concerned.h2.ends())
        self.assertEqual(concerned.h2.goaway, 0)
        with self.assertRaises(Closed):
            concerned.socket.reader.exactly(1)
        self.assertEqual(concerned.tunnel.over(), 8, "CANCEL")
        self.assertTrue(concerned.tunnel.connection.ends())
        self.assertLess(time.monotonic() - told, env.patience(1))

        events = self.ended(4)
        for event in events:
            self.assertEqual((event["cause"], event["code"]), ("revoked", "client_cert.revoked"))
            self.assert_journal_says_why("ended", event["connection"])
        ids = {event["connection"] for event in events}
        lines = self.gateway.access_where(
            "both tunnels", lambda line: line.own["connection"] in ids and "websocket" in line.own, 2
        )
        for line in lines:
            self.assertEqual(line.own["websocket"]["ended"], "refused")
            self.assert_says_why(line)
            self.assert_journal_says_why("request", line.own["connection"])

        for context, session in sessions:
            target = "/" + self.token()
            with self.gateway.tls(STRICT, context=context, session=session) as wire:
                self.assert_certificate_error(wire.request(target))
                self.assertFalse(wire.sock.session_reused, "what is known to be revoked resumes nothing")
            line = self.gateway.access_for(target)
            self.assertFalse(line.resumed)
            self.assert_says_why(line)
        self.assertTrue(bystander.alive(), "nobody else is concerned")


class ByResponder(Everything, ResponderCase, RevokedCase):
    """The answer is renewed ahead, and the new one says revoked."""

    source = "ocsp"

    @classmethod
    def host(cls) -> dict[str, Any]:
        return {"egress": EGRESS, "revocation": {"timeout": "5s"}}

    def client(self) -> Identity:
        who = self.responder.issue("live-" + self.token())
        self.responder.behave(Answer(next_update=4), who, times=1)
        return who

    def news(self, who: Identity) -> float:
        self.responder.release.clear()
        self.responder.behave(Answer(status="revoked", delivery="hold"), who)
        self.responder.wait_queries(who, 2)
        told = time.monotonic()
        self.responder.release.set()
        return told


class ByList(Everything, RevokedCase):
    """A list of the CA takes the place of the old."""

    source = "crl"
    number = 0
    path: Path
    RATE = 40

    @classmethod
    def setUpClass(cls) -> None:
        cls.path = env.new_dir("live-crl") / "a.crl"
        cls.publish()
        super().setUpClass()

    @classmethod
    def host(cls) -> dict[str, Any]:
        lists = {"strict": {"files": [str(cls.path)]}}
        return {"revocation": {"crl": lists}, "limits": {"closures_per_s": cls.RATE}}

    @classmethod
    def publish(cls, *revoked: Identity) -> None:
        ByList.number += 1
        new = cls.path.with_name(".new")
        new.write_bytes(Crl(pki().int_a, revoking(*revoked), number=ByList.number).der())
        new.replace(cls.path)

    def client(self) -> Identity:
        return pki().int_a.issue("live-" + self.token())

    def news(self, who: Identity) -> float:
        before = len(self.gateway.events("crl.loaded"))
        self.publish(who)
        self.gateway.wait_event("crl.loaded", before + 1)
        return time.monotonic()

    def test_L5_many_connections_end_at_the_configured_pace_and_serve_nothing_until_then(self) -> None:
        who, idle, asking = self.client(), self.RATE * 3 // 2, 10
        context = client.tls_context(who)
        wires = [self.h1(context=context) for _ in range(idle + asking)]
        for wire in wires:
            self.assertEqual(wire.request("/").status, 200)
        self.news(who)
        answered = 0
        for wire in wires[idle:]:
            target = "/" + self.token()
            try:
                self.assertEqual(wire.request(target).status, 400)
                answered += 1
            except (Closed, ConnectionError, ssl.SSLError):
                pass  # it had its turn before
            self.assertEqual(self.backend.all_for(target), [])
        self.assertGreater(answered, 0, "none was left to ask")
        for wire in wires[:idle]:
            self.closes_cleanly(wire)
        self.gateway.wait_event("admission.ended", self.before + idle)
        stamp = "%Y-%m-%dT%H:%M:%S.%fZ"
        times = [datetime.strptime(event["time"], stamp) for event in self.gateway.events("admission.ended")[self.before :]]
        self.assertGreater(len(times), self.RATE)
        for first, later in zip(times, times[self.RATE :]):
            self.assertGreaterEqual((later - first).total_seconds(), 0.95, "more in a second than limits.closures_per_s")


if __name__ == "__main__":
    main()
