"""Peers that vanish, lie, drip or come in thousands: nothing leaks, nothing crashes, nobody else notices.

Every test ends with a gateway that still serves; every class with one that ends in order, with no sanitizer's report.
"""

from __future__ import annotations

import itertools
import resource
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Iterator

from harness import client, env
from harness.backend import Nginx
from harness.case import GatewayCase, main
from harness.client import Handshake
from harness.document import NO_PROFILE, PASSTHROUGH, PLAIN, STRICT, Document, standard
from harness.http_wire import Closed, Wire
from harness.pki import pki

GONE = (OSError, ssl.SSLError, Closed)


class Vanishing(GatewayCase):
    """A client that disconnects at every step of accept, handshake, request, forward and response."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.contexts = {version: client.tls_context(pki().good, version) for version in client.BOTH}
        cls.ways = itertools.cycle((lambda wire: wire.reset(), lambda wire: wire.close()))

    def setUp(self) -> None:
        self.before = self.gateway.descriptors()

    def tearDown(self) -> None:
        self.gateway.wait_for("every descriptor to be freed", lambda: self.gateway.descriptors() <= self.before + 6)
        for port in (PLAIN, STRICT):
            wire = self.gateway.tcp(port) if port == PLAIN else self.gateway.tls(port, pki().good)
            with wire:
                self.assertEqual(wire.request().status, 200)

    def vanish(self, wire: Wire) -> None:
        """In turn by RST and by FIN."""
        next(self.ways)(wire)

    def cuts(self, total: int, steps: int) -> Iterator[int]:
        """About `steps` lengths up to `total`: every one in release where `steps` allows."""
        return iter(range(0, total + 1, max(1, total // env.scale(steps, 40))))

    def open(self, port: int, version: str = "1.3") -> Wire:
        return self.gateway.tcp(port) if port == PLAIN else self.gateway.tls(port, context=self.contexts[version])

    def test_right_after_accept(self) -> None:
        for _ in range(env.scale(200, 50)):
            for port in (PLAIN, STRICT):
                self.vanish(self.gateway.tcp(port))

    def test_within_the_handshake_after_every_byte(self) -> None:
        for version in client.BOTH:
            whole = Handshake(self.gateway.port(STRICT), context=self.contexts[version])
            self.assertTrue(whole.run())
            whole.wire.close()
            for count in self.cuts(whole.sent, 1000):
                shaking = Handshake(self.gateway.port(STRICT), context=self.contexts[version])
                try:
                    shaking.run(limit=count)
                except GONE:
                    pass
                self.vanish(shaking.wire)

    def test_right_after_the_handshake_with_and_without_close_notify(self) -> None:
        for version in client.BOTH:
            for _ in range(env.scale(30, 8)):
                self.vanish(self.open(STRICT, version))
                wire = self.open(STRICT, version)
                try:
                    wire.sock.unwrap()
                except GONE:
                    pass
                wire.close()

    def test_within_the_request_after_every_byte(self) -> None:
        requests = (
            b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n01234567890123456789",
            b"POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhello\r\n0\r\nX-T: a\r\n\r\n",
            b"POST /x HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n01234567890123456789",
        )
        for raw in requests:
            for port, steps in ((PLAIN, 200), (STRICT, 60)):
                for count in self.cuts(len(raw), steps):
                    wire = self.open(port)
                    wire.send(raw[:count])
                    self.vanish(wire)

    def test_while_the_backend_thinks(self) -> None:
        target = "/hold/" + self.token()
        wires = []
        for port in (PLAIN, STRICT, PASSTHROUGH):
            for turn in range(env.scale(10, 4)):
                wire = self.open(port)
                wire.send(f"POST {target}/{port}/{turn} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
                wires.append(wire)
        self.gateway.wait_for("the backend to have them", lambda: len(self.backend.all_for(target)) == len(wires))
        for wire in wires:
            self.vanish(wire)
        # What was asked for a client that is gone is not waited for.
        self.gateway.wait_for("the backend to be let go", lambda: self.backend.open_connections <= 4)
        for line in self.gateway.access_where("499", lambda line: target in line.properties["requestUri"], len(wires)):
            self.assertEqual(line.status, 499)

    def test_within_the_upload(self) -> None:
        for port in (PLAIN, STRICT):
            for sent in (0, 1, 1000, 70_000, 900_000):
                wire = self.open(port)
                wire.send(b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
                wire.send(b"x" * sent)
                self.vanish(wire)

    def test_within_the_response(self) -> None:
        for port in (PLAIN, STRICT):
            for path in ("/big?n=3000000", "/chunked", "/until-close", "/slow-head"):
                for count in (0, 1, 20, 150, 5_000, 200_000, 2_000_000):
                    wire = self.open(port)
                    wire.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    try:
                        while count > 0:
                            data = wire.sock.recv(min(count, 65536))
                            if not data:
                                break
                            count -= len(data)
                    except GONE:
                        pass
                    self.vanish(wire)

    def test_with_requests_in_the_pipeline(self) -> None:
        batch = b"".join(b"GET /p HTTP/1.1\r\nHost: localhost\r\n\r\n" for _ in range(50))
        for port in (PLAIN, STRICT):
            for answers in (0, 1, 5):
                wire = self.open(port)
                wire.send(batch)
                for _ in range(answers):
                    wire.read()
                self.vanish(wire)

    def test_after_a_refusal(self) -> None:
        for raw in (b"GET / HTTP/1.1\r\n\r\n", b"bad\n"):
            for _ in range(env.scale(20, 5)):
                wire = self.open(PLAIN)
                wire.send(raw)
                self.vanish(wire)
        for _ in range(env.scale(20, 5)):
            wire = self.gateway.tls(STRICT)
            wire.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"x" * 1000)
            self.vanish(wire)

    def test_half_closed(self) -> None:
        """A client that has said all it will say, by FIN, gets its answer or an end; it does not hang."""
        for path in ("/x", "/big?n=2000000", "/chunked"):
            wire = self.open(PLAIN)
            wire.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            wire.sock.shutdown(socket.SHUT_WR)
            wire.reader.rest()
            wire.close()

    def test_the_backend_vanishes_while_the_client_reads_slowly(self) -> None:
        for by in ("length", "chunked"):
            for port in (PLAIN, STRICT):
                with self.open(port) as wire:
                    wire.send(f"GET /close-mid-body?by={by} HTTP/1.1\r\nHost: x\r\n\r\n")
                    self.assertLess(len(wire.reader.rest()), 1000)


class Lies(GatewayCase):
    """Bytes that are no protocol at all."""

    def assert_serves(self) -> None:
        with self.gateway.tls(STRICT, pki().good) as wire:
            self.assertEqual(wire.request().status, 200)

    def end_of(self, wire: Wire) -> None:
        """Reads until the gateway ends the connection."""
        try:
            wire.reader.rest()
        except (TimeoutError, socket.timeout):
            self.fail("the gateway keeps a connection that lied")

    def test_records_that_are_no_handshake(self) -> None:
        hello = b"\x16\x03\x01"
        lies = (
            hello + b"\xff\xff" + b"\x01" * 100_000,  # a record over the limit
            hello + b"\x00\x00" * 20_000,  # empty records
            hello + b"\x00\x04\x01\xff\xff\xff" + b"\x00" * 70_000,  # a handshake message of 16 MB
            b"\x15\x03\x01\x00\x02\x02\x28",  # an alert first
            b"\x17\x03\x03\x00\x10" + b"\x00" * 16,  # data first
            b"\x14\x03\x03\x00\x01\x01" * 1000,  # ChangeCipherSpec in a row
            bytes(range(256)) * 100,
        )
        for lie in lies:
            with self.subTest(lie[:12]), self.gateway.tcp(STRICT) as wire:
                wire.try_send(lie)
                try:
                    wire.sock.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                self.end_of(wire)
        self.assert_serves()

    def test_a_client_hello_over_16_kib(self) -> None:
        """Padding beyond one record (I15): refused or served, but never with the wrong listener and never a crash."""
        extension = b"\x00\x15" + (20_000).to_bytes(2, "big") + b"\x00" * 20_000
        body = (
            b"\x03\x03"
            + b"\x11" * 32
            + b"\x00"
            + b"\x00\x02\x13\x01"
            + b"\x01\x00"
            + len(extension).to_bytes(2, "big")
            + extension
        )
        message = b"\x01" + len(body).to_bytes(3, "big") + body
        records = b"".join(
            b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part
            for part in (message[at : at + 16_000] for at in range(0, len(message), 16_000))
        )
        with self.gateway.tcp(STRICT) as wire:
            wire.try_send(records)
            self.end_of(wire)
        self.assert_serves()

    def test_a_broken_record_after_the_handshake(self) -> None:
        for version in client.BOTH:
            shaking = Handshake(self.gateway.port(STRICT), pki().good, version)
            self.assertTrue(shaking.run())
            shaking.wire.send(b"\x17\x03\x03\x00\x40" + b"\x5a" * 64)
            self.end_of(shaking.wire)
            shaking.wire.close()
        self.assert_serves()

    def test_floods_of_small_things(self) -> None:
        with self.gateway.tcp(PLAIN) as wire:
            wire.try_send(b"\r\n" * 50_000)
            self.end_of(wire)
        with self.gateway.tcp(PLAIN) as wire:
            wire.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(20):
                if not wire.try_send(b"1\r\na\r\n" * 2000):
                    break
            wire.try_send(b"0\r\n\r\n")
            self.assertEqual(wire.read().status, 200)
        self.assert_serves()


class Limits(GatewayCase):
    CONNECTIONS = 40

    @classmethod
    def host(cls) -> dict[str, Any]:
        return {"limits": {"connections": cls.CONNECTIONS}}

    def test_connections_over_the_limit_are_turned_away_and_come_back_later(self) -> None:
        wires = [self.gateway.tcp(PLAIN) for _ in range(self.CONNECTIONS)]
        for wire in wires:
            self.assertEqual(wire.request().status, 200)
        for port in (PLAIN, STRICT):
            with self.gateway.tcp(port) as extra:
                extra.try_send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                self.assertNotIn(b"200", extra.reader.rest()[:20])
        for wire in wires:
            self.assertEqual(wire.request().status, 200, "those who were there first are served on")
            wire.close()

        def again() -> bool:
            try:
                with self.gateway.tls(STRICT, pki().good) as wire:
                    return wire.request().status == 200
            except GONE:
                return False

        self.gateway.wait_for("a place", again)


class PerClient(GatewayCase):
    @classmethod
    def host(cls) -> dict[str, Any]:
        return {"limits": {"connections_per_ip": 5, "handshakes_per_ip_per_s": 10}}

    def test_one_address_does_not_take_the_places_of_others(self) -> None:
        def connect(source: str) -> Wire:
            address = ("127.0.0.1", self.gateway.port(PLAIN))
            return Wire(socket.create_connection(address, timeout=env.patience(5), source_address=(source, 0)))

        mine = [connect("127.0.0.1") for _ in range(5)]
        for wire in mine:
            self.assertEqual(wire.request().status, 200)
        with connect("127.0.0.1") as extra:
            extra.try_send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(extra.reader.rest(), b"")
        with connect("127.0.0.9") as other:
            self.assertEqual(other.request().status, 200)
        for wire in mine:
            wire.close()

    def test_handshakes_of_one_address_are_bounded(self) -> None:
        context = client.tls_context(pki().good)
        done = failed = 0
        started = time.monotonic()
        while time.monotonic() < started + 2:
            try:
                self.gateway.tls(STRICT, context=context).close()
                done += 1
            except GONE:
                failed += 1
        taken = time.monotonic() - started
        self.assertGreater(failed, 0)
        self.assertGreaterEqual(done, 5)
        self.assertLessEqual(done, 10 * (taken + 2))


class Descriptors(GatewayCase):
    def test_running_out_of_descriptors_is_survived(self) -> None:
        if env.sanitized():
            self.skipTest("UBSan itself needs a descriptor (a pipe) for each check of a vptr")
        with self.gateway.tcp(PLAIN) as old:
            self.assertEqual(old.request().status, 200)  # has a backend connection by now
            self.gateway.limit_descriptors(spare=10)
            wires: list[Wire] = []
            try:
                # The kernel accepts them; the gateway cannot. The last ten ask for something.
                for turn in range(60):
                    wires.append(self.gateway.tcp(PLAIN))
                    wires[-1].send(b"GET / HTTP/1.1\r\n")
                    if turn >= 50:
                        wires[-1].send(b"Host: x\r\nConnection: close\r\n\r\n")
                self.gateway.wait_for("the complaint", lambda: self.gateway.events("accept.no_descriptors"))
                cpu = self.cpu()
                started = time.monotonic()
                # A connection that is there is still served, and the gateway does not spin.
                while time.monotonic() < started + 1:
                    self.assertEqual(old.request().status, 200)
                    time.sleep(0.02)
                self.assertLess(self.cpu() - cpu, 0.8 * (time.monotonic() - started))
            finally:
                for wire in wires[:50]:
                    wire.close()
            # Places are free again: those who waited are served.
            for wire in wires[50:]:
                self.assertIn(wire.read().status, (200, 502))
                wire.close()
            self.gateway.limit_descriptors(spare=1000)
            with self.gateway.tls(STRICT, pki().good) as wire:
                self.assertEqual(wire.request().status, 200)

    def cpu(self) -> float:
        with open(f"/proc/{self.gateway.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100


class Thousands(GatewayCase):
    """10,000 connections, half of them hostile, in waves that are open at the same time: memory stays flat."""

    WAVES = 4

    @classmethod
    def setUpClass(cls) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < 8000:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
        cls.nginx = Nginx() if client.have("nginx") else None
        if cls.nginx:
            cls.addClassCleanup(cls.nginx.stop)
        super().setUpClass()

    @classmethod
    def document(cls) -> Document:
        return standard(cls.nginx.port if cls.nginx else cls.backend.port)

    @classmethod
    def host(cls) -> dict[str, Any]:
        # Kept sessions are memory well spent, and bounded; here they would hide a leak.
        return {
            "client_auth": {"sessions": "off"},
            "access_log": {"path": "off"},
        }

    def good(self, turn: int) -> Wire:
        context = self.contexts[client.BOTH[turn % 2]]
        wire = self.gateway.tls((STRICT, PASSTHROUGH)[turn % 3 == 0], context=context, timeout=60)
        if wire.request("/quiet").status != 200:
            raise AssertionError("a good client was not served")
        return wire

    def hostile(self, turn: int) -> Wire:
        kinds: tuple[Callable[[], Wire], ...] = (
            lambda: self.said(PLAIN, b""),
            lambda: self.said(STRICT, b""),
            lambda: self.said(STRICT, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200)),
            lambda: self.said(STRICT, b"\x16\x03\x01\x40\x00" + bytes(9000)),
            lambda: self.said(STRICT, bytes(range(1, 200))),
            lambda: self.said(PLAIN, b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 20_000),
            lambda: self.said(PLAIN, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"x" * 50_000),
            lambda: self.said(
                PLAIN, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;" + b"a" * 200
            ),
            lambda: self.said(NO_PROFILE, b"GET / HTTP/1.1\r\n"),
            lambda: self.half_shaken(turn),
            lambda: self.unread(turn),
        )
        return kinds[turn % len(kinds)]()

    def said(self, port: int, data: bytes) -> Wire:
        wire = self.gateway.tcp(port, timeout=60)
        wire.try_send(data)
        return wire

    def half_shaken(self, turn: int) -> Wire:
        shaking = Handshake(self.gateway.port(STRICT), context=self.contexts[client.BOTH[turn % 2]])
        try:
            shaking.run(limit=400 + turn * 7 % 1500)
        except GONE:
            pass
        return shaking.wire

    def unread(self, turn: int) -> Wire:
        wire = self.gateway.tcp(PLAIN, timeout=60)
        wire.try_send(b"GET /quiet HTTP/1.1\r\nHost: x\r\n\r\n" * 200)
        return wire

    def wave(self, count: int) -> None:
        before = self.gateway.descriptors()
        ways = itertools.cycle((lambda wire: wire.reset(), lambda wire: wire.close()))
        failures: list[str] = []

        def one(turn: int) -> Wire | None:
            try:
                return self.hostile(turn // 2) if turn % 2 else self.good(turn // 2)
            except Exception as error:  # noqa: BLE001 - whatever it is, the test has to say it
                failures.append(f"{'hostile' if turn % 2 else 'good'} {turn}: {error!r}")
                return None

        with ThreadPoolExecutor(8) as pool:
            wires = [wire for wire in pool.map(one, range(count)) if wire]
        self.assertEqual(failures, [])
        # While they all hang on, a newcomer is served.
        self.good(0).close()
        for wire in wires:
            next(ways)(wire)
        self.gateway.wait_for("the wave to be gone", lambda: self.gateway.descriptors() <= before + 200, 30)

    def test_memory_is_flat(self) -> None:
        self.contexts = {version: client.tls_context(pki().good, version) for version in client.BOTH}
        count = env.scale(2500, 200)
        self.wave(count)
        self.wave(count // 4)
        readings = [self.gateway.rss()]
        for _ in range(self.WAVES):
            self.wave(count)
            readings.append(self.gateway.rss())
        # The session store, the allocator's lists and SQLite's pages fill during the first two.
        growth = max(readings) - readings[self.WAVES // 2]
        shown = [f"{reading / (1 << 20):.1f} MiB" for reading in readings]
        print(f"\n{self.WAVES} waves of {count} connections: {shown}", flush=True)
        # A leak of one kilobyte a connection would be 5 MB. A sanitizer's quarantine is itself some 16 MB.
        self.assertLess(growth, (20 << 20) if env.sanitized() else (4 << 20), shown)


if __name__ == "__main__":
    main()
