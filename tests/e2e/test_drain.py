"""SIGTERM ends the process, whatever its clients and backends do: requests in flight get their answers within the drain's
limit, and then everything is cut off.

product.md "Command line"; azure-semantics §6.5.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
import unittest
from pathlib import Path
from typing import Any, Optional

from harness import env
from harness.backend import Backend
from harness.case import main
from harness.client import Handshake
from harness.document import NO_PROFILE, PLAIN, STRICT, Document, standard
from harness.gateway import Gateway, environment, token
from harness.http_wire import Closed, Response, Wire
from harness.pki import pki

CUT_OFF = 7.0  # seconds that the gateway gives connections to unwind after they were cut off
LONG = 600  # a drain limit, or a requestTimeout, that no test waits for


class Streaming:
    """A backend that sends a chunked answer without end, to as many as ask, as fast as they take it."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._stream, args=(sock,), daemon=True).start()

    @staticmethod
    def _stream(sock: socket.socket) -> None:
        with sock:
            sock.recv(65536)
            sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            try:
                while True:
                    sock.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")
                    time.sleep(0.005)
            except OSError:
                pass

    def stop(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Full:
    """Two backends whose backlogs are full: connecting to either takes as long as the gateway's patience."""

    ADDRESSES = ("127.0.0.1", "127.0.0.2")

    def __init__(self) -> None:
        self.port = env.free_port(self.ADDRESSES)
        self.sockets: list[socket.socket] = []
        for address in self.ADDRESSES:
            listener = socket.socket()
            listener.bind((address, self.port))
            listener.listen(0)
            self.sockets.append(listener)
            for _ in range(4):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex((address, self.port))
                self.sockets.append(filler)

    def stop(self) -> None:
        for sock in self.sockets:
            sock.close()


class Drain(unittest.TestCase):
    def setUp(self) -> None:
        self.backend = Backend()
        self.addCleanup(self.backend.stop)

    def gateway(self, drain: int, document: Optional[Document] = None, **host: Any) -> Gateway:
        document = document or standard(self.backend.port).settings("http", self.backend.port, timeout=LONG)
        made = Gateway(document, host, arguments=("--drain-seconds", str(drain)))
        self.addCleanup(made.stop)
        return made.start()

    def held(self, gateway: Gateway, port: int) -> Wire:
        """A request that its backend has and does not answer."""
        wire = gateway.tcp(port) if port == PLAIN else gateway.tls(port, pki().good)
        self.addCleanup(wire.close)
        target = "/hold/" + token()
        wire.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
        self.backend.request_for(target)
        return wire

    def ends_within(self, gateway: Gateway, seconds: float, since: Optional[float] = None) -> float:
        """SIGTERM (unless sent at `since`), and 0 within `seconds`; how long it took."""
        started = since or time.monotonic()
        if since is None:
            gateway.signal(signal.SIGTERM)
        self.assertEqual(gateway.wait(seconds + 2), 0, gateway.words())
        taken = time.monotonic() - started
        self.assertEqual(gateway.events("stopped.by_force"), [], gateway.words())
        self.assertLess(taken, env.patience(seconds))
        return taken

    def assert_cut(self, wire: Wire) -> None:
        """No answer that looks whole."""
        try:
            answer: Optional[Response] = wire.read()
        except (Closed, OSError, ssl.SSLError):
            answer = None
        self.assertTrue(answer is None or answer.status >= 500, answer)

    def test_a_backend_that_never_answers_is_waited_for_until_the_limit(self) -> None:
        gateway = self.gateway(1)
        wires = [self.held(gateway, port) for port in (PLAIN, STRICT, NO_PROFILE) for _ in range(3)]
        taken = self.ends_within(gateway, 1 + CUT_OFF / 2)
        self.assertGreaterEqual(taken, 0.9, "cut off before the limit")
        self.assertEqual(gateway.events("drain.cut_off")[0]["connections"], len(wires))
        for wire in wires:
            self.assert_cut(wire)

    def test_connections_stuck_anywhere_are_cut_off(self) -> None:
        """In the handshake, in the head, in the body, before a backend that cannot be reached, behind a full socket."""
        full = Full()
        self.addCleanup(full.stop)
        document = standard(self.backend.port).settings("http", self.backend.port, timeout=LONG)
        document.settings("full", full.port, timeout=LONG).pool("full", *full.ADDRESSES)
        document.listener("full", 9000, plain=True).rule("to-full", "full", "full", "full")
        gateway = self.gateway(1, document)
        self.held(gateway, STRICT)
        hello = Handshake(gateway.port(STRICT), pki().good)
        hello.run(limit=100)
        self.addCleanup(hello.wire.close)
        for port, opening in (
            (PLAIN, "GET / HTTP/1.1\r\nHost: x\r\nX-"),
            (NO_PROFILE, "GET / HTTP/1.1\r\nHost: x\r\nX-"),
            (PLAIN, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf"),
            (NO_PROFILE, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
            (PLAIN, "GET /big?n=1000000000 HTTP/1.1\r\nHost: x\r\n\r\n"),
            (NO_PROFILE, "GET /big?n=1000000000 HTTP/1.1\r\nHost: x\r\n\r\n"),
            (9000, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        ):
            wire = gateway.tls(port) if port == NO_PROFILE else gateway.tcp(port)
            self.addCleanup(wire.close)
            wire.send(opening)
        self.held(gateway, PLAIN)  # by now the others have been read
        self.ends_within(gateway, 1 + CUT_OFF)

    def test_a_backend_that_streams_without_end_is_cut_off(self) -> None:
        streaming = Streaming()
        self.addCleanup(streaming.stop)
        gateway = self.gateway(1, standard(streaming.port).settings("http", streaming.port, timeout=LONG))
        reading, silent = [], []
        for port in (PLAIN, NO_PROFILE):
            for wires in (reading, silent):
                wire = gateway.tcp(port) if port == PLAIN else gateway.tls(port)
                self.addCleanup(wire.close)
                wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                self.assertIn("200", wire.reader.head()[0])
                wires.append(wire)
        whole: list[bool] = []

        def read(wire: Wire) -> None:
            wire.sock.settimeout(30)
            try:
                wire.reader.chunked()
                whole.append(True)
            except (Closed, OSError, ssl.SSLError):
                whole.append(False)

        threads = [threading.Thread(target=read, args=(wire,)) for wire in reading]
        for thread in threads:
            thread.start()
        self.ends_within(gateway, 1 + CUT_OFF / 2)
        for thread in threads:
            thread.join()
        self.assertEqual(whole, [False] * len(reading), "an answer that was cut off must not look whole")

    def test_a_second_sigterm_cuts_off_at_once(self) -> None:
        for second in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(second.name):
                gateway = self.gateway(LONG)
                wires = [self.held(gateway, port) for port in (PLAIN, STRICT)]
                gateway.signal(signal.SIGTERM)
                gateway.wait_event("draining")
                started = time.monotonic()
                gateway.signal(second)
                self.ends_within(gateway, CUT_OFF / 2, started)
                for wire in wires:
                    self.assert_cut(wire)

    def test_a_reload_does_not_revive_a_gateway_that_drains(self) -> None:
        gateway = self.gateway(LONG)
        wire = self.held(gateway, PLAIN)
        gateway.signal(signal.SIGTERM)
        gateway.wait_event("draining")
        gateway.signal(signal.SIGHUP)
        gateway.wait_for("the listeners to be gone", lambda: not gateway.accepts(NO_PROFILE))
        self.backend.release.set()
        answer = wire.read()
        self.assertEqual((answer.status, answer.get("connection")), (200, "close"))
        self.assertEqual(gateway.wait(5), 0)
        self.assertEqual(gateway.events("reload.done"), [])

    def test_a_request_in_flight_is_answered_and_its_connection_closed(self) -> None:
        gateway = self.gateway(LONG)
        wires = [self.held(gateway, port) for port in (PLAIN, STRICT)]
        started = time.monotonic()
        gateway.signal(signal.SIGTERM)
        gateway.wait_event("draining")
        gateway.wait_for("the listeners to be gone", lambda: not gateway.accepts(PLAIN))
        self.backend.release.set()
        for wire in wires:
            answer = wire.read()
            self.assertEqual((answer.status, answer.get("connection")), (200, "close"))
            self.assertTrue(wire.ends())
        self.ends_within(gateway, 5, started)
        self.assertEqual(gateway.events("drain.cut_off"), [])

    def test_idle_and_silent_connections_do_not_hold_it_up(self) -> None:
        gateway = self.gateway(LONG)
        wires = [gateway.tcp(port) for port in (PLAIN, STRICT, NO_PROFILE)]  # never said a word
        for version in ("1.2", "1.3"):
            wires.append(gateway.tls(STRICT, pki().good, version))  # shook hands and no more
            wires.append(gateway.tls(STRICT, pki().good, version))
            self.assertEqual(wires[-1].request().status, 200)
        wires.append(gateway.tcp(PLAIN))
        self.assertEqual(wires[-1].request().status, 200)
        self.ends_within(gateway, 2)
        self.assertEqual(gateway.events("drain.cut_off"), [])
        for wire in wires:
            try:
                self.assertTrue(wire.ends())
            except ConnectionError:
                pass
            wire.close()

    def test_no_patience_at_all_is_a_choice(self) -> None:
        gateway = self.gateway(0)
        wire = self.held(gateway, STRICT)
        self.ends_within(gateway, CUT_OFF / 2)
        self.assert_cut(wire)


class Unresolved(Gateway):
    """A gateway whose name server never answers: it looks at a resolv.conf of its own, in a mount namespace of its own."""

    name_server = ""

    def spawn(self) -> "Gateway":
        resolv = self.directory / "resolv.conf"
        resolv.write_text(f"nameserver {self.name_server}\n")
        script = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
        run = [str(env.BINARY), "run", str(self.document_path), "--host", str(self.host_path), *self.arguments]
        with open(self.stdout_path, "ab") as out, open(self.stderr_path, "ab") as err:
            self.process = subprocess.Popen(
                ["unshare", "-m", "sh", "-c", script, "sh", str(resolv), *run],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=environment(),
                cwd=self.directory,
            )
        return self


class FirstMoments(unittest.TestCase):
    def document(self, members: int) -> Document:
        names = [f"member-{number}.portcullis-e2e.test" for number in range(members)]
        return standard(9).pool("pool", *names)

    def test_sigterm_while_names_do_not_resolve_ends_cleanly(self) -> None:
        if os.getuid() != 0 or not shutil.which("unshare") or not Path("/etc/resolv.conf").exists():
            self.skipTest("needs root, unshare and an /etc/resolv.conf")
        for signals in (1, 2):
            with self.subTest(signals=signals), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as name_server:
                Unresolved.name_server = f"127.{os.getpid() % 200 + 10}.{os.getpid() // 200 % 250}.{signals}"
                name_server.bind((Unresolved.name_server, 53))
                name_server.settimeout(env.patience(10))
                gateway = Unresolved(self.document(3), arguments=("--drain-seconds", str(LONG))).spawn()
                try:
                    name_server.recv(4096)  # it has asked, and will hear nothing
                except TimeoutError:
                    words = gateway.words()
                    assert gateway.process
                    gateway.process.kill()
                    gateway.process.wait()
                    if "mount" in words or "unshare" in words:
                        self.skipTest("no mount namespaces here")
                    self.fail(words)
                started = time.monotonic()
                for _ in range(signals):
                    gateway.signal(signal.SIGTERM)
                self.assertEqual(gateway.wait(5), 0, gateway.words())
                self.assertLess(time.monotonic() - started, env.patience(1.5), "it waited for the names")
                self.assertEqual(gateway.events("ready"), [])
                self.assertEqual(len(gateway.events("stopped")), 1)

    def test_sigterm_at_any_moment_of_the_start_ends_cleanly(self) -> None:
        """From before its handlers are there (death by the signal) to after it is ready: never a hang, never a crash."""
        for step in range(env.scale(16, 6)):
            with self.subTest(step=step):
                gateway = Gateway(self.document(40)).spawn()
                time.sleep(0.004 * step)  # each step another moment; none of them is waited for
                gateway.signal(signal.SIGTERM)
                self.assertIn(gateway.wait(5), (0, -signal.SIGTERM), gateway.words())


if __name__ == "__main__":
    main()
