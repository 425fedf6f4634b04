"""Connections whose clients are refused after all: trust that a reload withdraws, certificates that expire. What is idle is
closed, what is in progress may finish, nothing new passes; whoever still passes notices nothing.

mtls-invariants I4, I17; product.md; issue "Client authentication to the letter", live connections.
"""

from __future__ import annotations

import resource
import ssl
import threading
import time
from datetime import datetime
from typing import Any, Optional

from harness import client, env
from harness.case import GatewayCase, main
from harness.document import NO_PROFILE, PASSTHROUGH, PLAIN, STRICT, Document, standard
from harness.gateway import Gateway, LogLine
from harness.http2 import Http2
from harness.http_wire import Closed, Wire
from harness.pki import Identity, pki
from harness.websocket import WebSocketBackend, echoes, opened
from test_websocket_http2 import Tunnel

SOCKETS = 9001


class LiveCase(GatewayCase):
    sockets: WebSocketBackend

    @classmethod
    def document(cls) -> Document:
        document = standard(cls.backend.port).settings("sockets", cls.sockets.port, timeout=600)
        document.listener("sockets", SOCKETS, "strict").rule("to-sockets", "sockets", settings="sockets")
        document.http2()
        return document

    @classmethod
    def without_ca_a(cls) -> Document:
        return cls.document().ca("a", pki().int_b.bundle())

    @classmethod
    def setUpClass(cls) -> None:
        cls.sockets = WebSocketBackend()
        cls.addClassCleanup(cls.sockets.stop)
        super().setUpClass()

    def setUp(self) -> None:
        self.backend.release.clear()
        self.gateway.reload(self.document())
        self.before = len(self.gateway.events("admission.ended"))

    def h1(self, port: int = STRICT, identity: Optional[Identity] = None, version: Optional[str] = None, **how: Any) -> Wire:
        wire = self.gateway.tls(port, identity or pki().good, version, **how)
        self.addCleanup(wire.close)
        return wire

    def h2(self, port: int = STRICT, identity: Optional[Identity] = None, version: Optional[str] = None) -> Http2:
        connection = Http2(self.gateway.port(port), identity or pki().good, version)
        self.addCleanup(connection.wire.close)
        connection.receive()
        return connection

    def tunnel(self, identity: Optional[Identity] = None) -> Tunnel:
        made = Tunnel(self.h2(SOCKETS, identity), "/echo")
        self.assertEqual(made.status(), 200)
        return made

    def ended(self, count: int, gateway: Optional[Gateway] = None) -> list[LogLine]:
        """The `admission.ended` events of this test, once there are so many."""
        gateway = gateway or self.gateway
        before = self.before if gateway is self.gateway else 0
        gateway.wait_event("admission.ended", before + count)
        found = gateway.events("admission.ended")[before:]
        self.assertEqual(len(found), count)
        return found

    def closes_cleanly(self, wire: Wire) -> None:
        """close_notify, and not a byte before it."""
        wire.sock.suppress_ragged_eofs = False  # type: ignore[union-attr]
        self.assertEqual(wire.sock.recv(1), b"")


class TrustIsWithdrawn(LiveCase):
    def withdraw(self) -> None:
        self.gateway.reload(self.without_ca_a())

    def test_idle_http1_connections_are_closed_with_a_goodbye(self) -> None:
        for version in client.BOTH:
            with self.subTest(version=version):
                self.setUp()
                path = "/" + self.token()
                used = self.h1(version=version)
                self.assertEqual(used.request(path).status, 200)
                started = time.monotonic()
                self.withdraw()
                self.closes_cleanly(used)
                self.assertLess(time.monotonic() - started, env.patience(1))
                (event,) = self.ended(1)
                self.assertEqual(event["cause"], "trust_changed")
                self.assertEqual(event["code"], "client_cert.untrusted_issuer")
                self.assertEqual(event["listener"], "strict")
                self.assertEqual(self.gateway.access_for(path).own["connection"], event["connection"])

    def test_a_client_that_is_refused_before_its_first_request_hears_why(self) -> None:
        """Its request may be on its way: a connection that only closes would tell it nothing."""
        for version in client.BOTH:
            for connect in (self.h1, self.h2):
                with self.subTest(version=version, connect=connect.__name__):
                    self.setUp()
                    path, connection = "/" + self.token(), connect(version=version)
                    self.withdraw()
                    self.ended(1)
                    answer = connection.request(path)
                    if isinstance(connection, Http2):
                        self.assertEqual(answer.status, 400)
                        self.assertIn("The SSL certificate error", answer.text)
                        self.assertTrue(connection.ends())
                    else:
                        self.assert_certificate_error(answer)
                        self.closes_cleanly(connection)
                    self.assertEqual(self.gateway.access_for(path).reason, "client_cert.untrusted_issuer")
                    self.assertEqual(self.backend.all_for(path), [])

    def test_a_request_in_flight_finishes_and_is_the_last(self) -> None:
        for version in client.BOTH:
            with self.subTest(version=version):
                self.setUp()
                held, after = "/hold/" + self.token(), "/" + self.token()
                wire = self.h1(version=version)
                # What is pipelined behind it is not served.
                wire.send("".join(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n" for path in (held, after)))
                self.backend.request_for(held)
                self.withdraw()
                self.ended(1)
                self.backend.release.set()
                answer = wire.read()
                self.assertEqual((answer.status, answer.get("connection")), (200, "close"))
                self.closes_cleanly(wire)
                self.assertEqual(self.backend.all_for(after), [])

    def test_an_idle_http2_connection_is_told_and_closed(self) -> None:
        for version in client.BOTH:
            with self.subTest(version=version):
                self.setUp()
                connection = self.h2(version=version)
                self.assertEqual(connection.request("/").status, 200)
                started = time.monotonic()
                self.withdraw()
                self.assertTrue(connection.ends())
                self.assertEqual(connection.goaway, 0)
                self.assertLess(time.monotonic() - started, env.patience(1))
                self.ended(1)

    def test_http2_streams_in_flight_finish_and_new_ones_are_refused(self) -> None:
        held, connection = "/hold/" + self.token(), self.h2()
        stream = connection.begin(held)
        self.backend.request_for(held)
        self.withdraw()
        self.ended(1)
        # Sent before the GOAWAY was seen: refused. What comes behind that is for another connection (RFC 9113 §6.8).
        new = "/" + self.token()
        self.assert_page(connection.request(new), 400, "400 The SSL certificate error", "400 Bad Request", "The SSL certificate error")
        self.assertEqual(self.backend.all_for(new), [])
        while connection.goaway is None:
            connection.receive()
        self.backend.release.set()
        self.assertEqual(connection.wait(stream).status, 200)
        started = time.monotonic()
        self.assertTrue(connection.ends())
        self.assertLess(time.monotonic() - started, env.patience(1))

    def test_websockets_are_ended_over_both_protocols(self) -> None:
        over_h1, over_h2 = opened(self.h1(SOCKETS)), self.tunnel()
        self.assertTrue(echoes(over_h1, b"before"))
        self.assertTrue(over_h2.echoes(b"before"))
        received, started = self.sockets.received, time.monotonic()
        self.withdraw()
        with self.assertRaises(Closed):
            over_h1.reader.exactly(1)
        self.assertEqual(over_h2.over(), 8, "CANCEL")
        self.assertTrue(over_h2.connection.ends())
        self.assertLess(time.monotonic() - started, env.patience(1))
        self.assertEqual(over_h2.connection.goaway, 0)
        self.assertEqual(self.sockets.received, received)
        ids = {event["connection"] for event in self.ended(2)}
        for line in self.gateway.access_where("both tunnels", lambda line: line.own["connection"] in ids, 2):
            self.assertEqual((line.own["websocket"]["ended"], line.reason), ("refused", "client_cert.untrusted_issuer"))
            self.assertEqual(line.verify, "FAILED:unable to get local issuer certificate")

    def test_whoever_passes_under_the_new_trust_notices_nothing(self) -> None:
        paths = ["/" + self.token() for _ in range(2)]
        wire, connection, over_h1, over_h2 = self.h1(), self.h2(), opened(self.h1(SOCKETS)), self.tunnel()
        others = [self.h1(PASSTHROUGH), self.h1(NO_PROFILE), self.gateway.tcp(PLAIN)]
        self.addCleanup(others[2].close)
        changed = self.document().ca("a", pki().int_a.bundle() + pki().sibling_a.pem())
        for number, document in enumerate((self.document(), changed, self.document())):
            self.gateway.reload(document)
            for one in (wire, *others):
                self.assertEqual(one.request(f"{paths[0]}/{number}").status, 200)
            self.assertEqual(connection.request(f"{paths[1]}/{number}").status, 200)
            self.assertTrue(echoes(over_h1, b"still here"))
            self.assertTrue(over_h2.echoes(b"still here"))
        lines = self.gateway.access_where("all", lambda line: paths[1] in line.properties["originalRequestUriWithArgs"], 3)
        self.assertEqual(len({line.own["connection"] for line in lines}), 1, "one connection, one handshake")
        self.assertEqual(self.gateway.events("admission.ended")[self.before :], [])

    def test_a_profile_that_turns_strict_ends_whom_it_would_not_have_let_in(self) -> None:
        good, unknown = self.h1(PASSTHROUGH), self.gateway.tls(PASSTHROUGH)
        self.addCleanup(unknown.close)
        for wire in (good, unknown):
            self.assertEqual(wire.request("/").status, 200)
        self.gateway.reload(self.document().profile("passthrough", "Strict", ["a"]))
        self.closes_cleanly(unknown)
        self.assertEqual([event["code"] for event in self.ended(1)], ["client_cert.missing"])
        self.assertEqual(good.request("/").status, 200)


class Expiry(LiveCase):
    def test_the_end_of_a_leaf_and_of_a_ca_ends_its_connections(self) -> None:
        life = 12 if env.sanitized() else 5
        started, kept = time.time(), []
        for identity in (pki().short_lived(life), pki().under_short_lived_ca(life)):
            wire, connection, over_h1, over_h2 = (
                self.h1(identity=identity),
                self.h2(identity=identity),
                opened(self.h1(SOCKETS, identity)),
                self.tunnel(identity),
            )
            self.assertEqual(wire.request("/").status, 200)
            self.assertEqual(connection.request("/").status, 200)
            self.assertTrue(echoes(over_h1, b"valid"))
            self.assertTrue(over_h2.echoes(b"valid"))
            self.assertLess(time.time(), started + life - 1, "the machine is too slow for this test")
            kept.append((wire, connection, over_h1, over_h2))
        for wire, connection, over_h1, over_h2 in kept:
            self.closes_cleanly(wire)
            self.assertGreaterEqual(time.time(), started + life - 1)
            self.assertTrue(connection.ends())
            self.assertEqual(connection.goaway, 0)
            with self.assertRaises(Closed):
                over_h1.reader.exactly(1)
            self.assertIsNotNone(over_h2.over())
        self.assertLess(time.time(), started + life + 1 + env.patience(1))
        for event in self.ended(8):
            self.assertEqual((event["cause"], event["code"]), ("expired", "client_cert.expired"))


class Many(LiveCase):
    RATE = 500

    @classmethod
    def host(cls) -> dict[str, Any]:
        return {"limits": {"closures_per_s": cls.RATE}}

    def test_many_are_ended_at_the_configured_pace_and_hold_nobody_up(self) -> None:
        count = env.scale(1000, 200)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        context = client.tls_context(pki().good)
        wires = [self.h1(context=context) for _ in range(count)]
        slowest, done = [0.0], threading.Event()

        def ask() -> None:
            with self.gateway.tcp(PLAIN) as wire:
                while not done.is_set():
                    started = time.monotonic()
                    assert wire.request("/").status == 200
                    slowest[0] = max(slowest[0], time.monotonic() - started)

        asking = threading.Thread(target=ask)
        asking.start()
        self.gateway.reload(self.without_ca_a())
        for wire in wires[::4]:  # clients that leave in the middle of it
            wire.close()
        self.gateway.wait_for(
            "every connection to be gone", lambda: self.gateway.descriptors() < count // 2, count / self.RATE + 10
        )
        for number, wire in enumerate(wires):
            if number % 4 != 0:
                try:
                    self.assertEqual(wire.sock.recv(1), b"")
                except (ConnectionError, ssl.SSLError):
                    pass
        done.set()
        asking.join()
        times = sorted(
            datetime.strptime(event["time"], "%Y-%m-%dT%H:%M:%S.%fZ").timestamp()
            for event in self.gateway.events("admission.ended")[self.before :]
        )
        self.assertGreaterEqual(len(times), count * 3 // 4 - 1)
        for first, later in zip(times, times[self.RATE :]):
            self.assertGreaterEqual(later - first, 0.95, "more in a second than limits.closures_per_s")
        self.assertLess(slowest[0], env.patience(0.5))


if __name__ == "__main__":
    main()
