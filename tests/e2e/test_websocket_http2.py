"""WebSockets over HTTP/2 (RFC 8441): an extended CONNECT passes the same gate and is an upgrade of HTTP/1.1 at the backend.
azure-semantics §7.9; invariants I8, I12, I16, I17; product.md."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Optional

from harness import env
from harness.case import GatewayCase, main
from harness.document import NO_PROFILE, PASSTHROUGH, STRICT, Document, standard
from harness.gateway import Gateway
from harness.http2 import Http2
from harness.http_wire import Closed, Fields
from harness.pki import Identity, pki
from harness.websocket import WebSocketBackend, agreement, text_frame

RAW, SHORT, PATIENT = 9001, 9002, 9003
MULTI = 9004  # a.test trusts CA A, b.test trusts CA B


class Tunnel:
    """One stream of a connection."""

    def __init__(self, connection: Http2, target: str, host: str = "localhost", protocol: str = "websocket",
                 fields: Optional[Fields] = None) -> None:
        self.connection = connection
        pseudo = [(":method", "CONNECT"), (":protocol", protocol), (":scheme", "https"), (":path", target)]
        pseudo.append((":authority", host))
        more = [("sec-websocket-version", "13")] if fields is None else fields
        self.id = connection.begin(pseudo=pseudo, fields=more, end=False)
        self.stream = connection.streams[self.id]

    def status(self) -> int:
        while not self.stream.fields:
            if self.stream.reset is not None:
                raise Closed(f"reset {self.stream.reset}")
            self.connection.receive()
        return int(dict(self.stream.fields)[":status"])

    def send(self, data: bytes, end: bool = False) -> None:
        self.connection.write(self.id, data, end)

    def exactly(self, count: int) -> bytes:
        while len(self.stream.body) < count:
            if self.stream.ended or self.stream.reset is not None:
                raise Closed(f"ended with {len(self.stream.body)} of {count}: {self.stream.reset}")
            self.connection.receive()
        found, self.stream.body = self.stream.body[:count], self.stream.body[count:]
        return found

    def message(self) -> bytes:
        """A whole unmasked message of one frame."""
        size = self.exactly(2)[1]
        if size == 126:
            size = int.from_bytes(self.exactly(2), "big")
        elif size == 127:
            size = int.from_bytes(self.exactly(8), "big")
        return self.exactly(size)

    def echoes(self, text: bytes) -> bool:
        self.send(text_frame(text))
        return self.message() == text

    def over(self) -> Optional[int]:
        """Waits until the server ended it: None for an orderly end, else the reset's code."""
        while not self.stream.ended and self.stream.reset is None:
            self.connection.receive()
        return None if self.stream.ended else self.stream.reset


def masked(data: bytes) -> bytes:
    """A binary frame of any size; its mask changes nothing."""
    return b"\x82\xff" + len(data).to_bytes(8, "big") + bytes(4) + data


class OverHttp2(GatewayCase):
    sockets: WebSocketBackend

    @classmethod
    def document(cls) -> Document:
        document = standard(cls.sockets.port).settings("raw", cls.backend.port, timeout=2)
        document.listener("raw", RAW).rule("raw", "raw", settings="raw")
        document.settings("short", cls.sockets.port, timeout=1).listener("short", SHORT).rule("short", "short", settings="short")
        document.settings("patient", cls.sockets.port, timeout=600)
        document.listener("patient", PATIENT).rule("patient", "patient", settings="patient")
        for name, profile in (("a", "strict"), ("b", "strict-b")):
            document.listener(f"multi-{name}", MULTI, profile, host=f"{name}.test")
            document.rule(f"multi-{name}", f"multi-{name}", rewrite="identity")
        document.http2()
        return document

    @classmethod
    def setUpClass(cls) -> None:
        cls.sockets = WebSocketBackend()
        cls.addClassCleanup(cls.sockets.stop)
        super().setUpClass()

    def connect(self, port: int, identity: Optional[Identity] = None, gateway: Optional[Gateway] = None, **how: str) -> Http2:
        connection = Http2((gateway or self.gateway).port(port), identity, **how)  # type: ignore[arg-type]
        self.addCleanup(connection.wire.close)
        connection.receive()  # the server's SETTINGS
        return connection

    def open(self, port: int, target: str = "/echo", gateway: Optional[Gateway] = None) -> Tunnel:
        tunnel = Tunnel(self.connect(port, pki().good if port == STRICT else None, gateway), target)
        self.assertEqual(tunnel.status(), 200)
        return tunnel

    # --- the gate -----------------------------------------------------------------------------------------------------

    def test_who_is_admitted_gets_a_tunnel_and_nobody_else(self) -> None:
        admitted = [(STRICT, "good"), (NO_PROFILE, None), (PASSTHROUGH, None), (PASSTHROUGH, "expired")]
        refused = [(STRICT, name) for name in (None, "expired", "untrusted", "server_auth", "self_signed")]
        for version in ("1.2", "1.3"):
            for port, name in admitted + refused:
                with self.subTest(port=port, client=name, version=version):
                    path = "/echo/" + self.token()
                    connection = self.connect(port, getattr(pki(), name) if name else None, version=version)
                    tunnel = Tunnel(connection, path)
                    if (port, name) in admitted:
                        self.assertEqual(tunnel.status(), 200)
                        self.assertTrue(tunnel.echoes(b"hello"))
                        tunnel.send(b"", end=True)
                        self.assertIsNone(tunnel.over())
                        line = self.gateway.access_for(path)
                        self.assertEqual((line.status, line.own["websocket"]["ended"]), (200, "client"))
                        self.assertEqual(line.properties["httpVersion"], "HTTP/2.0")
                    else:
                        self.assertEqual(tunnel.status(), 400)
                        self.assertEqual(self.gateway.access_for(path).status, 400)
                        self.assertNotIn(path, self.sockets.paths)
                    connection.wire.close()

    def test_the_host_of_another_trust_is_misdirected(self) -> None:
        connection = self.connect(MULTI, pki().good, sni="a.test")
        first = Tunnel(connection, "/echo", "a.test")
        self.assertEqual(first.status(), 200)
        path = "/echo/" + self.token()
        self.assertEqual(Tunnel(connection, path, "b.test").status(), 421)
        self.assertNotIn(path, self.sockets.paths)
        self.assertTrue(first.echoes(b"unmoved"))

    def test_a_page_is_not_taken_for_a_tunnel(self) -> None:
        """Any 2xx would open the tunnel for the client, and the page's bytes would be frames to it."""
        path = "/" + self.token()
        tunnel = Tunnel(self.connect(RAW), path)
        self.assertEqual(tunnel.status(), 502)
        self.assertEqual(len(self.backend.all_for(path)), 1)
        self.assertEqual(self.gateway.access_for(path).own["reason"], "upstream.bad_upgrade")

    def test_the_backend_sees_an_upgrade_of_http_1(self) -> None:
        connection = self.connect(STRICT, pki().good)
        forged = [("sec-websocket-version", "13"), ("sec-websocket-key", "forged"), ("x-client-cert-verify", "FORGED")]
        tunnel = Tunnel(connection, "/seen", fields=forged)
        self.assertEqual(tunnel.status(), 200)
        for name, _ in tunnel.stream.fields:
            self.assertNotIn(name, ("upgrade", "connection", "sec-websocket-accept", "transfer-encoding"))
        seen = json.loads(tunnel.message())
        names = {name.lower(): value for name, value in seen}
        self.assertEqual(names["upgrade"], "websocket")
        self.assertEqual(names["connection"], "upgrade")
        self.assertNotEqual(names["sec-websocket-key"], "forged")
        self.assertEqual(names["x-client-cert-verify"], "SUCCESS")
        self.assertEqual(len(seen), len(names), "a field twice")

    # --- the handshake ------------------------------------------------------------------------------------------------

    def test_what_is_no_websocket_is_refused(self) -> None:
        connection = self.connect(NO_PROFILE)
        path = "/echo/" + self.token()
        self.assertEqual(Tunnel(connection, path, protocol="connect-udp").status(), 501)
        self.assertEqual(Tunnel(connection, path, fields=[("sec-websocket-version", "8")]).status(), 400)
        self.assertNotIn(path, self.sockets.paths)
        self.assertEqual(Tunnel(connection, "/refuse").status(), 403)
        bad = {"no accept": b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "wrong": agreement()}
        for what, answer in bad.items():
            with self.subTest(what):
                raw = self.connect(RAW)
                self.assertEqual(Tunnel(raw, f"/raw?hex={answer.hex()}").status(), 502)

    def test_bytes_behind_the_head_wait_for_the_backend(self) -> None:
        connection = self.connect(RAW)
        path = "/hold/" + self.token()
        tunnel = Tunnel(connection, path)
        tunnel.send(b"GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n")
        self.backend.request_for(path)
        self.backend.release.set()
        self.assertEqual(tunnel.status(), 502, "it answers with a page")
        self.assertEqual(self.backend.all_for("/hidden"), [])
        self.backend.release.clear()

    # --- carrying -----------------------------------------------------------------------------------------------------

    def test_many_tunnels_share_a_connection_with_requests(self) -> None:
        connection = self.connect(STRICT, pki().good)
        tunnels = [Tunnel(connection, "/echo") for _ in range(20)]
        for tunnel in tunnels:
            self.assertEqual(tunnel.status(), 200)
        for turn in range(3):
            for number, tunnel in enumerate(tunnels):
                tunnel.send(text_frame(b"%d/%d" % (turn, number)))
            for number, tunnel in enumerate(tunnels):
                self.assertEqual(tunnel.message(), b"%d/%d" % (turn, number))

    def test_large_messages_pass_both_ways(self) -> None:
        tunnel, data = self.open(PATIENT), os.urandom(4 << 20)
        tunnel.send(masked(data))
        self.assertTrue(tunnel.message() == data)

    def test_a_slow_reader_costs_no_memory(self) -> None:
        before, pushed = self.gateway.rss(), self.sockets.pushed
        tunnels = []
        for _ in range(10):
            connection = self.connect(PATIENT)
            connection.auto_window = False
            tunnels.append(Tunnel(connection, "/push?n=1000&size=1000000"))
            self.assertEqual(tunnels[-1].status(), 200)
        now = -1
        while now != self.sockets.pushed:
            now = self.sockets.pushed
            time.sleep(0.2)
        self.assertLess(now - pushed, 10 * 40)
        self.assertLess(self.gateway.rss() - before, (32 if env.sanitized() else 8) << 20)
        for tunnel in tunnels:
            tunnel.connection.wire.reset()

    # --- ends ---------------------------------------------------------------------------------------------------------

    def test_either_side_may_end(self) -> None:
        for target in ("/echo", "/close?code=4000", "/die"):
            with self.subTest(target):
                tunnel = self.open(NO_PROFILE, target)
                if target == "/echo":
                    tunnel.send(b"", end=True)
                tunnel.over()
                other = Tunnel(tunnel.connection, "/echo")
                self.assertEqual(other.status(), 200, "the connection goes on")
                self.assertTrue(other.echoes(b"x"))

    def test_a_reset_stream_ends_its_tunnel_only(self) -> None:
        descriptors = self.gateway.descriptors()
        connection = self.connect(PATIENT)
        staying = Tunnel(connection, "/echo")
        self.assertEqual(staying.status(), 200)
        for target in ("/echo", "/silent", "/push?n=1000&size=1000000"):
            path = target.replace("?", f"/{self.token()}?") if "?" in target else f"{target}/{self.token()}"
            tunnel = Tunnel(connection, path)
            self.assertEqual(tunnel.status(), 200)
            connection.h2.reset_stream(tunnel.id, 8)
            connection.flush()
            record = self.gateway.access_for(path.split("?")[0])
            self.assertEqual(record.own["websocket"]["ended"], "client_broke")
        self.assertTrue(staying.echoes(b"still here"))
        self.gateway.wait_for("their backends' connections to end", lambda: self.gateway.descriptors() <= descriptors + 2)

    def test_nothing_moves_for_request_timeout(self) -> None:
        tunnel = self.open(SHORT)
        for _ in range(4):
            time.sleep(0.4)
            self.assertTrue(tunnel.echoes(b"still here"))
        self.assertIsNone(tunnel.over(), "an orderly end")

    def test_clients_may_vanish_at_any_step(self) -> None:
        descriptors = self.gateway.descriptors()
        for step in range(6):
            for how in ("close", "reset"):
                connection = self.connect(STRICT, pki().good)
                tunnel = Tunnel(connection, "/push?n=100&size=100000" if step % 2 else "/echo")
                if step > 1:
                    tunnel.status()
                if step > 3:
                    tunnel.send(masked(bytes(100))[: 7 * step])
                getattr(connection.wire, how)()
        self.gateway.wait_for("every tunnel to be gone", lambda: self.gateway.descriptors() <= descriptors, seconds=20)
        self.assertTrue(self.open(STRICT).echoes(b"alive"))

    def test_sigterm_and_reload_with_open_tunnels(self) -> None:
        gateway = Gateway(self.document(), {}, arguments=("--drain-seconds", "600")).start()
        self.addCleanup(gateway.stop)
        tunnels = [self.open(port, gateway=gateway) for port in (STRICT, NO_PROFILE, PATIENT)]
        gateway.reload()
        for tunnel in tunnels:
            self.assertTrue(tunnel.echoes(b"still here"))
        started = time.monotonic()
        gateway.signal(signal.SIGTERM)
        for tunnel in tunnels:
            self.assertIsNone(tunnel.over(), "an orderly end")
            tunnel.connection.wire.close()
        self.assertEqual(gateway.wait(10), 0)
        self.assertLess(time.monotonic() - started, env.patience(4))
        self.assertEqual(gateway.events("drain.cut_off"), [])


if __name__ == "__main__":
    main()
