"""WebSockets through the gate, with python3-websockets on both sides and with raw bytes. RFC 6455; azure-semantics §7.9
("always on, requestTimeout applies"), invariants I8, I12, I17; product.md."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from typing import Any, AsyncIterator

from websockets.exceptions import ConnectionClosed, InvalidStatusCode

from harness import env, websocket
from harness.backend import Backend
from harness.case import GatewayCase, main
from harness.client import BOTH
from harness.document import NO_PROFILE, PASSTHROUGH, PLAIN, STRICT, Document, standard
from harness.gateway import Gateway
from harness.http_wire import Closed, Wire
from harness.pki import pki
from harness.websocket import WebSocketBackend, agreement, ask, echoes, opened, text_frame

RAW, SHORT, EXTRA, PATIENT, PATIENT_TLS = 9001, 9002, 9003, 9004, 9005
PORTS = ((PLAIN, None), (NO_PROFILE, None), (STRICT, "good"))


class WebSocketCase(GatewayCase):
    """In front of a WebSocket backend; RAW leads to the harness's own backend instead."""

    sockets: WebSocketBackend

    @classmethod
    def document(cls) -> Document:
        document = standard(cls.sockets.port).settings("http", cls.sockets.port, timeout=8)
        document.settings("raw", cls.backend.port, timeout=2)
        document.listener("raw", RAW, plain=True).rule("raw", "raw", settings="raw")
        document.settings("short", cls.sockets.port, timeout=1).settings("patient", cls.sockets.port, timeout=600)
        for name, port in (("patient", PATIENT), ("patient-tls", PATIENT_TLS)):
            document.listener(name, port, plain=port == PATIENT).rule(name, name, settings="patient")
        return document.listener("short", SHORT, plain=True).rule("short", "short", settings="short")

    @classmethod
    def setUpClass(cls) -> None:
        cls.sockets = WebSocketBackend()
        cls.addClassCleanup(cls.sockets.stop)
        super().setUpClass()

    def open(self, gateway: Gateway, port: int, target: str = "/echo") -> Wire:
        identity = pki().good if port == STRICT else None
        wire = gateway.tls(port, identity) if port in (STRICT, NO_PROFILE, PASSTHROUGH, PATIENT_TLS) else gateway.tcp(port)
        self.addCleanup(wire.close)
        return opened(wire, target)

    def setUp(self) -> None:
        self.descriptors = self.gateway.descriptors()

    def all_gone(self) -> None:
        """Nothing that this test opened is left in the gateway."""
        self.gateway.wait_for(
            "every tunnel to be gone", lambda: self.gateway.descriptors() <= self.descriptors, seconds=20
        )


async def echo(connection: Any) -> Any:
    await connection.send("hello")
    return await connection.recv()


class Gate(WebSocketCase):
    def test_who_is_admitted_gets_a_tunnel_and_nobody_else(self) -> None:
        admitted = [(STRICT, "good"), (STRICT, "good_rsa"), (NO_PROFILE, None), (PASSTHROUGH, None)]
        admitted += [(PASSTHROUGH, name) for name in ("good", "expired", "self_signed", "server_auth", "untrusted")]
        refused = [(STRICT, name) for name in (None, "expired", "not_yet", "untrusted", "server_auth", "self_signed")]
        for version in BOTH:
            for port, name in admitted + refused:
                with self.subTest(port=port, client=name, version=version):
                    path, identity = "/echo/" + self.token(), getattr(pki(), name) if name else None
                    if (port, name) in admitted:
                        answer = websocket.client(self.gateway.port(port), path, echo, identity, version)
                        self.assertEqual(answer, "hello")
                        line = self.gateway.access_for(path)
                        self.assertEqual((line.status, line.own["websocket"]["ended"]), (101, "backend"), "the server closes first")
                    else:
                        with self.assertRaises(InvalidStatusCode) as raised:
                            websocket.client(self.gateway.port(port), path, echo, identity, version)
                        self.assertEqual(raised.exception.status_code, 400)
                        line = self.gateway.access_for(path)
                        self.assertEqual((line.status, "websocket" in line.own), (400, False))
                        self.assertNotIn(path, self.sockets.paths)

    def test_clear_text_has_tunnels_too(self) -> None:
        self.assertEqual(websocket.client(self.gateway.port(PLAIN), "/echo", echo, secure=False), "hello")

    def test_the_backend_learns_who_the_client_is(self) -> None:
        async def seen(connection: Any) -> Any:
            return json.loads(await connection.recv())

        fields = websocket.client(
            self.gateway.port(STRICT), "/seen", seen, pki().good, extra_headers={"X-Client-Cert-Verify": "FORGED"}
        )
        names = {name.lower(): value for name, value in fields}
        self.assertEqual(names["x-client-cert-verify"], "SUCCESS")
        self.assertIn("x-forwarded-for", names)
        self.assertEqual([value for name, value in fields if name.lower() == "connection"], ["upgrade"])

    def test_a_refused_client_that_goes_on_as_if_it_had_a_tunnel_gets_none(self) -> None:
        with self.gateway.tls(STRICT) as wire:
            wire.send(ask("/echo/pushy").encode() + text_frame(b"hello"))
            self.assertEqual(wire.read().status, 400)
            self.assertTrue(wire.ends())
        self.assertNotIn("/echo/pushy", self.sockets.paths)

    def test_subprotocols_and_extensions_are_negotiated_end_to_end(self) -> None:
        async def talk(connection: Any) -> Any:
            await connection.send("x" * 100_000)
            return len(await connection.recv()), [type(one).__name__ for one in connection.extensions]

        size, extensions = websocket.client(self.gateway.port(STRICT), "/echo", talk, pki().good, compression="deflate")
        self.assertEqual((size, extensions), (100_000, ["PerMessageDeflate"]))


class Carrying(WebSocketCase):
    def test_large_messages_pass_both_ways(self) -> None:
        message = os.urandom(16 << 20)

        async def talk(connection: Any) -> bool:
            await connection.send(message)
            return await connection.recv() == message

        for port, name in PORTS:
            with self.subTest(port=port):
                identity, path = getattr(pki(), name) if name else None, "/echo/" + self.token()
                how = {"secure": port != PLAIN, "compression": None}
                self.assertTrue(websocket.client(self.gateway.port(port), path, talk, identity, **how))
                record = self.gateway.access_for(path)
                self.assertGreater(record.own["websocket"]["toBackend"], len(message))
                self.assertGreater(record.own["websocket"]["toClient"], len(message))
                self.assertGreater(record.properties["receivedBytes"], record.own["websocket"]["toBackend"])
                self.assertGreater(record.properties["sentBytes"], record.own["websocket"]["toClient"])

    def test_fragmented_messages_pass_both_ways(self) -> None:
        parts = [os.urandom(size) for size in (1, 125, 126, 65_535, 65_536, 300_000, 1)] * 3

        async def pieces() -> AsyncIterator[bytes]:
            for part in parts:
                yield part

        async def talk(connection: Any) -> bool:
            await connection.send(pieces())
            return await connection.recv() == b"".join(parts)

        self.assertTrue(websocket.client(self.gateway.port(STRICT), "/echo", talk, pki().good, compression=None))

    def test_a_frame_may_come_byte_by_byte(self) -> None:
        wire = self.open(self.gateway, STRICT)
        for byte in text_frame(b"slowly"):
            wire.send(bytes([byte]))
        self.assertEqual(wire.reader.exactly(8), b"\x81\x06slowly")

    def test_close_codes_pass_both_ways(self) -> None:
        async def wait(connection: Any) -> Any:
            await connection.wait_closed()
            return connection.close_code, connection.close_reason

        for port, name in PORTS:
            identity = getattr(pki(), name) if name else None
            how = {"secure": port != PLAIN}
            said = websocket.client(self.gateway.port(port), "/close?code=4321", wait, identity, **how)
            self.assertEqual(said, (4321, "because"))

            async def leave(connection: Any) -> None:
                await connection.close(4567, "done")

            self.sockets.codes.clear()
            websocket.client(self.gateway.port(port), "/echo", leave, identity, **how)
            env.wait_until("the backend to hear of it", lambda: 4567 in self.sockets.codes)

    def test_a_slow_reader_costs_no_memory(self) -> None:
        """Twenty clients that read nothing, and twenty backends: each way stands still, and the gateway holds a buffer."""
        before = self.gateway.rss()
        wires = [self.open(self.gateway, port, "/push?n=1000&size=1000000") for port in (PATIENT, PATIENT_TLS) * 10]
        stuffed = [self.open(self.gateway, port, "/silent") for port in (PATIENT, PATIENT_TLS) * 10]
        for wire in stuffed:
            wire.sock.settimeout(0.5)
            try:
                for _ in range(64):
                    wire.sock.sendall(b"\x82\xff" + (1 << 20).to_bytes(8, "big") + bytes(4) + bytes(1 << 20))
                self.fail("somebody takes 64 MiB that nobody reads")
            except (TimeoutError, socket.timeout):
                pass
        pushed = -1
        while pushed != self.sockets.pushed:
            pushed = self.sockets.pushed
            time.sleep(0.2)
        self.assertLess(pushed, 20 * 40)
        self.assertLess(self.gateway.rss() - before, (32 if env.sanitized() else 8) << 20)
        # And what was held back goes on as soon as it is read.
        wires[0].sock.settimeout(env.patience(10))
        self.assertEqual(len(wires[0].reader.exactly(60_000_000)), 60_000_000)
        for wire in wires + stuffed:
            wire.reset()
        self.all_gone()

    def test_a_thousand_idle_tunnels_cost_little(self) -> None:
        count = env.scale(1000, 100)
        self.open(self.gateway, PLAIN).close()
        before = self.gateway.rss()
        wires = [self.open(self.gateway, PLAIN) for _ in range(count)]
        each = (self.gateway.rss() - before) / count
        print(f"{each / 1024:.1f} KiB a tunnel", flush=True)
        if not env.sanitized():
            self.assertLess(each, 24 << 10)
        self.assertTrue(echoes(wires[-1], b"x") and echoes(wires[0], b"y"))
        for wire in wires:
            wire.close()
        self.all_gone()


class Handshake(WebSocketCase):
    def test_a_backend_that_refuses_is_relayed(self) -> None:
        with self.gateway.tls(STRICT, pki().good) as wire:
            for _ in range(2):
                wire.send(ask("/refuse"))
                answer = wire.read()
                self.assertEqual((answer.status, answer.text, answer.get("x-why")), (403, "not you\n", "no"))
                self.assertIsNone(answer.get("upgrade"))
            self.assertTrue(echoes(opened(wire), b"third time lucky"))

    def test_what_is_no_whole_handshake_asks_for_nothing(self) -> None:
        whole = ask("/x")
        spoilt = {
            "another version": whole.replace("Version: 13", "Version: 8"),
            "no key": whole.replace(f"Sec-WebSocket-Key: {websocket.KEY}\r\n", ""),
            "a short key": whole.replace(websocket.KEY, "AAAA"),
            "two protocols": whole.replace("Upgrade: websocket", "Upgrade: websocket, h2c"),
            "h2c": whole.replace("Upgrade: websocket", "Upgrade: h2c").replace(
                "Connection: Upgrade", "Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__"
            ),
            "not in Connection": whole.replace("Connection: Upgrade\r\n", ""),
            "a body": whole.replace("\r\n\r\n", "\r\nContent-Length: 2\r\n\r\nhi"),
            "POST": whole.replace("GET", "POST"),
            "HTTP/1.0": whole.replace("HTTP/1.1", "HTTP/1.0"),
        }
        for what, request in spoilt.items():
            with self.subTest(what), self.gateway.tcp(RAW) as wire:
                target = "/" + self.token()
                wire.send(request.replace("/x", target))
                names = [name.lower() for name, _ in self.echoed(wire.read())["headers"]]
                for gone in ("upgrade", "connection", "http2-settings"):
                    self.assertNotIn(gone, names)

    def test_a_wrong_101_is_a_502(self) -> None:
        right = agreement()
        answers = {
            "no accept": right.replace(b"Sec-WebSocket-Accept: " + websocket.ACCEPT.encode() + b"\r\n", b""),
            "another accept": agreement("AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
            "another protocol": right.replace(b"websocket", b"h2c"),
            "no Connection": right.replace(b"Connection: Upgrade\r\n", b""),
            "a length": right.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\nabc"),
            "HTTP/1.0": right.replace(b"HTTP/1.1", b"HTTP/1.0"),
        }
        for what, answer in answers.items():
            with self.subTest(what), self.gateway.tcp(RAW) as wire:
                target = f"/raw/{self.token()}?hex={answer.hex()}"
                wire.send(ask(target))
                self.assert_plain_page(wire.read(), 502, "Bad Gateway")
                self.assertEqual(self.gateway.access_for(target.split("?")[0]).reason, "upstream.bad_upgrade")

    def test_a_101_that_nobody_asked_for_is_a_502(self) -> None:
        with self.gateway.tcp(RAW) as wire:
            answer = wire.request(f"/raw?close=no&hex={agreement().hex()}")
            self.assert_plain_page(answer, 502, "Bad Gateway")
            smuggled = wire.request("/after/" + self.token())
            self.assertEqual(smuggled.status, 200, "the connection is still HTTP, and ours")

    def test_bytes_behind_the_head_wait_for_the_backend(self) -> None:
        """What a client hides behind its handshake is never seen by a backend that has not agreed, nor passes the gate
        unseen where it refuses."""
        hidden = "/hidden/" + self.token()
        with self.gateway.tcp(RAW) as wire:
            held = "/hold/" + self.token()
            wire.send(ask(held) + f"GET {hidden} HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.backend.request_for(held)
            self.assertEqual(self.backend.all_for(hidden), [])
            self.backend.release.set()
            self.assertEqual(wire.read().status, 200)
            self.assertEqual(wire.read().status, 200)
            first, second = self.backend.request_for(held), self.backend.request_for(hidden)
            self.assertNotEqual(first.connection, second.connection)
            self.assertEqual(self.gateway.access_for(hidden).status, 200)
        self.backend.release.clear()

    def test_a_silent_backend_is_a_504(self) -> None:
        with self.gateway.tcp(RAW) as wire:
            started = time.monotonic()
            wire.send(ask("/hold/" + self.token()))
            self.assert_plain_page(wire.read(), 504, "Gateway Timeout")
            self.assertGreaterEqual(time.monotonic() - started, 1.9)

    def test_interim_answers_are_put_up_with(self) -> None:
        answers = b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + agreement() + b"tunnel"
        with self.gateway.tcp(RAW) as wire:
            wire.send(ask(f"/raw?close=yes&hex={answers.hex()}"))
            line, _, _ = wire.reader.head()
            self.assertTrue(line.startswith("HTTP/1.1 101 "), line)
            self.assertEqual(wire.reader.rest(), b"tunnel")


class Ends(WebSocketCase):
    def test_nothing_moves_for_request_timeout(self) -> None:
        wire = self.open(self.gateway, SHORT, "/echo/idle")
        for _ in range(6):
            time.sleep(0.4)  # shorter than requestTimeout, longer than it in sum
            self.assertTrue(echoes(wire, b"still here"))
        started = time.monotonic()
        self.assertTrue(wire.ends(), "an orderly end")
        self.assertLess(time.monotonic() - started, env.patience(2))
        record = self.gateway.access_for("/echo/idle")
        self.assertEqual((record.status, record.own["websocket"]["ended"], record.reason), (101, "idle", "websocket.idle"))
        self.assertGreaterEqual(record.properties["timeTaken"], 3.0)
        self.all_gone()

    def test_a_client_that_ends_its_side_is_answered_by_the_backends_end(self) -> None:
        for port, _ in PORTS:
            wire = self.open(self.gateway, port)
            self.assertTrue(echoes(wire, b"last"))
            if port == PLAIN:
                wire.sock.shutdown(socket.SHUT_WR)
            else:
                wire.sock = wire.sock.unwrap()  # type: ignore[union-attr]
            self.assertTrue(wire.ends())
            wire.close()
        self.all_gone()

    def test_a_backend_that_dies_takes_the_tunnel_with_it(self) -> None:
        for port, _ in PORTS:
            wire = self.open(self.gateway, port, "/die/" + self.token())
            wire.reader.rest()  # ends, one way or the other

    def test_clients_and_backends_may_vanish_at_any_step(self) -> None:
        """Under AddressSanitizer this is what finds a frame that is used after it has gone."""
        handshake, frames = ask("/echo").encode(), text_frame(b"x" * 100) * 3
        for port, _ in PORTS:
            for cut in range(0, len(handshake) + len(frames), 29):
                wire = self.gateway.tls(port, pki().good) if port != PLAIN else self.gateway.tcp(port)
                wire.send((handshake + frames)[:cut])
                if cut % 2:
                    wire.reset()
                else:
                    wire.close()
            for how in ("close", "reset"):
                for target in ("/echo", "/push?n=100&size=1000000", "/silent"):
                    wire = self.open(self.gateway, port, target)
                    wire.sock.settimeout(0.1)
                    try:
                        wire.sock.sendall(bytes(8 << 20) if target == "/silent" else frames[:37])
                    except (TimeoutError, socket.timeout, OSError):
                        pass
                    getattr(wire, how)()
        answer = agreement() + b"\x81\x02hi"
        for cut in range(0, len(answer) + 1, 11):
            with self.gateway.tcp(RAW) as wire:
                wire.send(ask(f"/raw?hex={answer[:cut].hex()}") + "more")
                line, _, _ = wire.reader.head()
                self.assertIn(line[:12], ("HTTP/1.1 101", "HTTP/1.1 502"))
                self.assertEqual(line[:12] == "HTTP/1.1 101", cut >= len(agreement()))
        self.all_gone()
        self.assertTrue(echoes(self.open(self.gateway, STRICT), b"alive"))


class Lifecycle(WebSocketCase):
    def own(self, document: Document | None = None, *arguments: str) -> Gateway:
        gateway = Gateway(document or self.document(), {}, arguments=arguments).start()
        self.addCleanup(gateway.stop)
        return gateway

    def test_a_reload_leaves_tunnels_alone(self) -> None:
        gateway = self.own()
        wires = [self.open(gateway, port) for port, _ in PORTS]
        for _ in range(3):
            gateway.reload()
            for wire in wires:
                self.assertTrue(echoes(wire, b"still here"))

    def test_a_reload_under_load_loses_no_byte(self) -> None:
        gateway = self.own()
        message, done = os.urandom(200_000), []

        async def talk(connection: Any) -> None:
            for _ in range(env.scale(100, 20)):
                await connection.send(message)
                assert await connection.recv() == message

        def run() -> None:
            websocket.client(gateway.port(STRICT), "/echo", talk, pki().good, compression=None)
            done.append(True)

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(5):
            gateway.reload()
        for thread in threads:
            thread.join()
        self.assertEqual(len(done), 4)

    def refused(self, gateway: Gateway, wire: Wire, text: bytes) -> None:
        """The next word on this tunnel reaches nobody."""
        received = self.sockets.received
        try:
            self.assertFalse(echoes(wire, text))
        except (Closed, OSError):
            pass
        self.assertEqual(self.sockets.received, received)
        record = gateway.access_where("the tunnel's end", lambda line: "websocket" in line.own and line.own["websocket"]["ended"] == "refused")[0]
        self.assertEqual(record.status, 101)
        self.assertTrue(record.verify.startswith("FAILED:"), record.verify)
        self.assertTrue(record.reason.startswith("client_cert."), record.reason)

    def test_trust_that_a_reload_withdraws_ends_the_tunnels_it_admitted(self) -> None:
        gateway = self.own()
        going, others = self.open(gateway, STRICT), [self.open(gateway, port) for port in (NO_PROFILE, PASSTHROUGH, PLAIN)]
        gateway.reload(self.document().ca("a", pki().int_a.bundle() + pki().sibling_a.pem()))
        self.assertTrue(echoes(going, b"still trusted"))
        gateway.reload(self.document().ca("a", pki().int_b.bundle()))
        for wire in others:
            self.assertTrue(echoes(wire, b"unconcerned"))
        self.refused(gateway, going, b"a secret")

    def test_a_certificate_that_expires_ends_its_tunnel(self) -> None:
        gateway = self.own(self.document().settings("http", self.sockets.port, timeout=600))
        life = 6 if env.sanitized() else 4
        wire = gateway.tls(STRICT, pki().short_lived(life))
        self.addCleanup(wire.close)
        opened(wire)
        self.assertTrue(echoes(wire, b"while it is valid"))
        time.sleep(life + 2.1)  # what is waited for is the certificate's own end, and then the next judgement
        self.refused(gateway, wire, b"afterwards")

    def test_a_removed_listener_ends_its_tunnels_and_no_others(self) -> None:
        more = self.document().listener("extra", EXTRA, plain=True).rule("extra", "extra")
        gateway = self.own(more)
        going, staying = self.open(gateway, EXTRA, "/echo/going"), self.open(gateway, PLAIN)
        gateway.reload(self.document())
        self.assertTrue(echoes(going, b"a last word"))
        self.assertTrue(going.ends())
        self.assertEqual(gateway.access_for("/echo/going").reason, "websocket.drained")
        self.assertTrue(echoes(staying, b"x"))

    def test_sigterm_ends_quiet_tunnels_soon(self) -> None:
        gateway = self.own(None, "--drain-seconds", "600")
        wires = [self.open(gateway, port) for port, _ in PORTS]
        started = time.monotonic()
        gateway.signal(signal.SIGTERM)
        gateway.wait_event("draining")
        for wire in wires:
            self.assertTrue(wire.ends(), "an orderly end")
            wire.close()
        self.assertEqual(gateway.wait(10), 0)
        self.assertLess(time.monotonic() - started, env.patience(3))
        self.assertEqual(gateway.events("drain.cut_off"), [])

    def test_sigterm_waits_for_no_tunnel_longer_than_the_limit(self) -> None:
        gateway = self.own(None, "--drain-seconds", "1")
        wires = [self.open(gateway, port, "/push?n=100000&size=10000") for port in (PLAIN, NO_PROFILE)]
        stop = threading.Event()

        def read(wire: Wire) -> None:
            try:
                while not stop.is_set() and wire.sock.recv(65536):
                    pass
            except (OSError, Closed):
                pass

        threads = [threading.Thread(target=read, args=(wire,)) for wire in wires]
        for thread in threads:
            thread.start()
        started = time.monotonic()
        gateway.signal(signal.SIGTERM)
        self.assertEqual(gateway.wait(10), 0)
        self.assertLess(time.monotonic() - started, env.patience(4))
        stop.set()
        for thread in threads:
            thread.join()

    def test_a_second_sigterm_cuts_tunnels_off(self) -> None:
        gateway = self.own(None, "--drain-seconds", "600")
        wire = self.open(gateway, STRICT, "/push?n=100000&size=10000")
        wire.reader.fill()  # it is under way
        gateway.signal(signal.SIGTERM)
        gateway.wait_event("draining")
        gateway.signal(signal.SIGTERM)
        self.assertEqual(gateway.wait(10), 0)
        self.assertLess(len(wire.reader.rest()), 100_000 * 10_000)


if __name__ == "__main__":
    main()
