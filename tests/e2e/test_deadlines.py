"""Silent peers: every wait ends by its deadline. All of them wait at the same time, so this takes as long as the longest.

azure-semantics §6.2 (408 after 60 s), §6.5 (75 s of keep-alive); architecture.md "every await takes a Deadline".
"""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import Callable, Optional

from harness import env
from harness.case import GatewayCase, main
from harness.client import Handshake
from harness.document import NO_PROFILE, PLAIN, STRICT
from harness.http_wire import Closed, Wire
from harness.pki import pki

BOUND = 110.0  # the longest deadline is 75 s; a sanitizer build is slower, its clock is not


class Deadlines(GatewayCase):
    def test_every_silent_peer_is_let_go(self) -> None:
        if os.environ.get("PORTCULLIS_E2E_QUICK"):
            self.skipTest("PORTCULLIS_E2E_QUICK is set: this test waits out real deadlines, 80 s")
        before = self.gateway.descriptors()
        target = "/" + self.token()
        head = f"Host: localhost\r\nX-Test: {target}\r\n"
        openings: dict[str, tuple[Callable[[], Wire], Optional[int]]] = {
            "says nothing": (lambda: self.gateway.tcp(PLAIN), None),
            "says nothing to TLS": (lambda: self.gateway.tcp(STRICT), None),
            "half a ClientHello": (lambda: self.after_hello(STRICT, 100), None),
            "a ClientHello and no more": (lambda: self.after_hello(STRICT, 600), None),
            "a handshake and no request": (lambda: self.gateway.tls(STRICT, pki().good), None),
            "half a request line": (lambda: self.sent(PLAIN, b"GET /ha"), 408),
            "half a head": (lambda: self.sent(PLAIN, b"GET / HTTP/1.1\r\nHost: x\r\nX-"), 408),
            "half a head over TLS": (lambda: self.sent(NO_PROFILE, b"GET / HTTP/1.1\r\nHost: x\r\nX-"), 408),
            "half a body": (
                lambda: self.sent(
                    PLAIN, f"POST {target}/body HTTP/1.1\r\n{head}Content-Length: 9\r\n\r\nhalf".encode()
                ),
                408,
            ),
            "half a chunk": (
                lambda: self.sent(
                    PLAIN, f"POST {target}/chunk HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\n5\r\nab".encode()
                ),
                408,
            ),
            "keep-alive": (lambda: self.served(PLAIN), None),
            "keep-alive over TLS": (lambda: self.served(STRICT), None),
            "reads nothing": (
                lambda: self.sent(PLAIN, b"GET /big?n=100000000 HTTP/1.1\r\nHost: x\r\n\r\n", window=2048),
                None,
            ),
        }
        outcomes: dict[str, object] = {}

        def wait(name: str, opening: Callable[[], Wire]) -> None:
            with opening() as wire:
                wire.sock.settimeout(BOUND)
                started = time.monotonic()
                try:
                    if name == "reads nothing":
                        outcomes[name] = self.until_cut(wire)
                    else:
                        rest = wire.reader.rest()
                        outcomes[name] = (time.monotonic() - started, rest[9:12].decode("latin-1"))
                except (socket.timeout, TimeoutError):
                    outcomes[name] = "still open"

        threads = [threading.Thread(target=wait, args=(name, how[0])) for name, how in openings.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name, (_, status) in openings.items():
            with self.subTest(name):
                outcome = outcomes.get(name)
                self.assertIsInstance(outcome, tuple, outcome)
                taken, said = outcome  # type: ignore[misc]
                self.assertGreater(taken, 4, "let go before a slow but honest client could go on")
                self.assertLess(taken, BOUND)
                self.assertEqual(said, str(status) if status else "")
                if name.startswith("keep-alive"):
                    self.assertGreater(taken, 70, "azure-semantics §6.5: 75 s")
        self.gateway.wait_for("their descriptors to be freed", lambda: self.gateway.descriptors() <= before + 4)
        line = self.gateway.access_for(f"{target}/body")
        self.assertEqual(line.status, 408)

    def sent(self, port: int, data: bytes, window: int = 0) -> Wire:
        wire = self.gateway.tls(port) if port == NO_PROFILE else self.gateway.tcp(port)
        if window:
            wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        wire.send(data)
        return wire

    def served(self, port: int) -> Wire:
        wire = self.gateway.tcp(port) if port == PLAIN else self.gateway.tls(port, pki().good)
        self.assertEqual(wire.request().status, 200)
        return wire

    def after_hello(self, port: int, count: int) -> Wire:
        shaking = Handshake(self.gateway.port(port), pki().good)
        try:
            shaking.run(limit=count)
        except Closed:
            pass
        return shaking.wire

    def until_cut(self, wire: Wire) -> tuple[float, str]:
        """A client that reads nothing cannot see the end; the gateway's side of the connection can."""
        started = time.monotonic()
        local = wire.sock.getsockname()[1]

        def gone() -> bool:
            # The peer's socket of ours: local address is the gateway's, remote port is ours; state 01 is ESTABLISHED.
            with open("/proc/net/tcp", encoding="ascii") as table:
                for row in table:
                    columns = row.split()
                    if columns[2].endswith(f":{local:04X}") and columns[3] == "01":
                        return False
            return True

        deadline = started + BOUND
        while not gone():
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(0.2)
        return time.monotonic() - started, ""


class Dripping(GatewayCase):
    def test_a_drip_holds_up_nobody(self) -> None:
        """Clients that send a byte now and then cost the others nothing."""
        ended = threading.Event()

        def drip(port: int) -> None:
            try:
                with self.gateway.tcp(port) as wire:
                    data = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 100
                    if port == STRICT:
                        data = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 600
                    for byte in data:
                        if ended.wait(0.02) or not wire.try_send(bytes([byte])):
                            return
            except OSError:
                pass

        threads = [threading.Thread(target=drip, args=(port,)) for port in [PLAIN, STRICT] * 20]
        for thread in threads:
            thread.start()
        slowest = 0.0
        try:
            for _ in range(env.scale(200, 40)):
                started = time.monotonic()
                with self.gateway.tls(STRICT, pki().good) as wire:
                    self.assertEqual(wire.request().status, 200)
                slowest = max(slowest, time.monotonic() - started)
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        self.assertLess(slowest, env.patience(1.5))


if __name__ == "__main__":
    main()
