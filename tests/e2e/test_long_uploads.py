"""requestTimeout counts from the end of the upload: a slow upload is no slow backend, and who broke off is blamed rightly.

azure-semantics §6.2 (502, 504), §6.5; architecture.md "every await takes a Deadline".
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from typing import Callable, Iterator

from harness import env
from harness.case import GatewayCase, main
from harness.document import NO_PROFILE, PLAIN, Document, standard
from harness.http_wire import Wire

TIMEOUT = 1  # seconds of requestTimeout
PIECES = 10
SLOW = 2.5 * TIMEOUT  # an upload's time


class Dying:
    """A backend that reads the head of a request and a little of its body, and then breaks off its connection."""

    def __init__(self, end: Callable[[socket.socket], None]) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.end = end
        self.heads = self.ended = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            data = b""
            while b"\r\n\r\n" not in data or data.endswith(b"\r\n\r\n"):
                got = sock.recv(4096)
                if not got:
                    break
                data += got
            self.heads += 1
            self.end(sock)
            sock.close()
            self.ended += 1

    def stop(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def close(_: socket.socket) -> None:
    """With bytes unread the kernel resets as well; what is read already is closed in order."""


def wait(sock: socket.socket) -> None:
    """Not dying at all: until the gateway ends the connection."""
    try:
        while sock.recv(4096):
            pass
    except OSError:
        pass


class LongUploads(GatewayCase):
    @classmethod
    def document(cls) -> Document:
        made = standard(cls.backend.port).settings("http", cls.backend.port, timeout=TIMEOUT)
        cls.dying = {name: Dying(end) for name, end in (("reset", reset), ("close", close), ("wait", wait))}
        for port, (name, backend) in enumerate(cls.dying.items(), 9000):
            cls.addClassCleanup(backend.stop)
            made.settings(name, backend.port, timeout=30)
            made.listener(name, port, plain=True).rule(f"to-{name}", name, settings=name)
        return made

    def slowly(self, wire: Wire, target: str, chunked: bool) -> Iterator[int]:
        """Sends a request whose body takes SLOW seconds, in pieces; yields its size so far after each."""
        framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {PIECES * 100}"
        wire.send(f"POST {target} HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n")
        for piece in range(PIECES):
            time.sleep(SLOW / PIECES)
            wire.send((b"64\r\n" if chunked else b"") + b"%100d" % piece + (b"\r\n" if chunked else b""))
            yield (piece + 1) * 100
        if chunked:
            wire.send(b"0\r\n\r\n")

    def all_at_once(self, what: Callable[[str, int, bool], None]) -> None:
        """Plain and TLS, by length and chunked, in threads: these tests wait for time to pass."""
        failures: list[str] = []

        def run(port: int, chunked: bool) -> None:
            try:
                what(f"{self.token()}-{port}-{chunked}", port, chunked)
            except BaseException as error:  # pylint: disable=broad-except
                failures.append(f"port {port}, chunked {chunked}: {error!r}")

        threads = [threading.Thread(target=run, args=(p, c)) for p in (PLAIN, NO_PROFILE) for c in (False, True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def connect(self, port: int) -> Wire:
        return self.gateway.tls(port) if port == NO_PROFILE else self.gateway.tcp(port)

    def test_an_upload_slower_than_request_timeout_succeeds(self) -> None:
        def one(token: str, port: int, chunked: bool) -> None:
            with self.connect(port) as wire:
                sent = max(self.slowly(wire, "/" + token, chunked))
                self.assertEqual(wire.read().status, 200)
                self.assertEqual(wire.request("/again").status, 200, "the connection is good for another request")
            self.assertEqual(self.backend.request_for(token).body, b"".join(b"%100d" % n for n in range(PIECES)))
            self.assertEqual(sent, PIECES * 100)

        self.all_at_once(one)

    def test_a_backend_that_is_silent_after_the_upload_is_a_504_in_time(self) -> None:
        def one(token: str, port: int, chunked: bool) -> None:
            with self.connect(port) as wire:
                max(self.slowly(wire, "/hold/" + token, chunked))
                ended = time.monotonic()
                self.assertEqual(wire.read().status, 504)
                taken = time.monotonic() - ended
                self.assertGreater(taken, TIMEOUT * 0.9, "its time to answer begins when it has everything")
                self.assertLess(taken, env.patience(TIMEOUT + 1))
            line = self.gateway.access_for(token)
            self.assertEqual((line.status, line.error_info), (504, "ERRORINFO_UPSTREAM_TIMED_OUT"))

        self.all_at_once(one)

    def test_a_backend_that_dies_in_the_upload_is_a_502(self) -> None:
        """Not a 400: the client did nothing wrong."""
        for port, name in ((9000, "reset"), (9001, "close")):
            backend = self.dying[name]
            for chunked in (False, True):
                with self.subTest(name, chunked=chunked):
                    target, before = "/" + self.token(), backend.heads
                    framing = "Transfer-Encoding: chunked" if chunked else "Content-Length: 1000000"
                    with self.gateway.tcp(port) as wire:
                        wire.send(f"POST {target} HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n")
                        wire.send(b"5\r\nhello\r\n" if chunked else b"hello")
                        self.assertEqual(wire.read().status, 502)
                    self.assertEqual(backend.heads, before + 1, "a body must not be sent twice")
                    line = self.gateway.access_for(target)
                    self.assertEqual((line.status, line.error_info), (502, "ERRORINFO_UPSTREAM_CLOSED_CONNECTION"))

    def test_a_backend_that_answers_before_the_upload_ends_is_heard(self) -> None:
        with self.gateway.tcp(PLAIN) as wire:
            wire.send("POST /early HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhello")
            self.assertEqual(wire.read().status, 413)

    def test_a_client_that_breaks_off_its_upload_is_a_499_and_frees_the_backend(self) -> None:
        backend = self.dying["wait"]
        for kind in ("reset", "closed"):
            with self.subTest(kind):
                target, before = "/" + self.token(), backend.heads
                wire = self.gateway.tcp(9002)
                wire.send(f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhello")
                env.wait_until("the request at the backend", lambda: backend.heads > before)
                wire.reset() if kind == "reset" else wire.close()
                self.assertEqual(self.gateway.access_for(target).status, 499)
                env.wait_until("the backend to be let go", lambda: backend.ended == backend.heads)


if __name__ == "__main__":
    main()
