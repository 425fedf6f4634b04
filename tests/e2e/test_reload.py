"""SIGHUP: a good document is swapped in without losing a request, a bad one leaves everything as it was.

product.md "Command line"; architecture.md "Immutable snapshots"; mtls-invariants I14.
"""

from __future__ import annotations

import signal
import socket
import threading
from typing import Callable

from harness import client, env
from harness.backend import Backend, Nginx
from harness.case import GatewayCase, main
from harness.document import NO_PROFILE, PLAIN, STRICT, Document, standard
from harness.gateway import Gateway
from harness.http_wire import Closed, Wire
from harness.pki import pki

EXTRA = 9000  # a frontend port that comes and goes


class Swapping(GatewayCase):
    def setUp(self) -> None:
        self.gateway.reload(standard(self.backend.port))

    def test_a_changed_document_is_served(self) -> None:
        with self.gateway.tcp(PLAIN) as old:
            self.assertIsNone(old.request().get("x-version"))
            changed = standard(self.backend.port).rewrite("identity", {}, {"X-Version": "2"})
            done = self.gateway.reload(changed)
            self.assertIn("generation", done)
            with self.gateway.tcp(PLAIN) as new:
                self.assertEqual(new.request().get("x-version"), "2")
            # An open connection goes on, under the new document.
            self.assertEqual(old.request().get("x-version"), "2")

    def test_a_request_in_flight_ends_as_it_began(self) -> None:
        target = "/hold/" + self.token()
        with self.gateway.tcp(PLAIN) as wire:
            wire.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
            self.backend.request_for(target)
            self.gateway.reload(standard(self.backend.port).rewrite("identity", {}, {"X-Version": "2"}))
            self.backend.release.set()
            response = wire.read()
            self.backend.release.clear()
            self.assertEqual(response.status, 200)
            self.assertIsNone(response.get("x-version"), "a request keeps the document that it started with")
            self.assertEqual(wire.request().get("x-version"), "2")

    def test_listeners_come_and_go(self) -> None:
        more = standard(self.backend.port).listener("extra", EXTRA, plain=True).rule("extra", "extra")
        self.gateway.reload(more)
        target = "/hold/" + self.token()
        with self.gateway.tcp(EXTRA) as busy, self.gateway.tcp(EXTRA) as idle:
            self.assertEqual(idle.request().status, 200)
            busy.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
            self.backend.request_for(target)
            self.gateway.reload(standard(self.backend.port))
            self.gateway.wait_for("the listener to be gone", lambda: not self.gateway.accepts(EXTRA))
            self.backend.release.set()
            self.assertEqual(busy.read().status, 200, "the request in flight on a removed listener was cut")
            self.backend.release.clear()
            self.assertTrue(busy.ends())
            self.assertTrue(idle.ends())
        self.gateway.reload(more)
        with self.gateway.tcp(EXTRA) as wire:
            self.assertEqual(wire.request().status, 200)

    def test_a_bad_document_changes_nothing(self) -> None:
        good = standard(self.backend.port).rewrite("identity", {}, {"X-Version": "good"})
        self.gateway.reload(good)
        broken: dict[str, Callable[[Document], object]] = {
            "an unknown member": lambda d: d.body["properties"].update(zzz=1),
            "a dangling reference": lambda d: d.remove("backendAddressPools", "pool"),
            "an empty CA": lambda d: d.ca("a", ""),
            "a malformed CA": lambda d: d.ca("a", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "a strict profile without CA": lambda d: d.profile("strict", "Strict"),
            "a missing certificate file": lambda d: d.certificate(data="@/nowhere.pem"),
            "a priority twice": lambda d: [
                d.element("requestRoutingRules", f"to-{n}").update(priority=5) for n in ("none", "plain")
            ],
        }
        live_tls, live_plain = self.gateway.tls(STRICT, pki().good), self.gateway.tcp(PLAIN)
        texts = {name: standard(self.backend.port).rewrite("identity", {}, {"X-Version": "bad"}) for name in broken}
        for name, breaking in broken.items():
            breaking(texts[name])
        written = {name: document.json() for name, document in texts.items()}
        written["not JSON"] = '{"properties": '
        written["empty"] = ""
        for name, text in written.items():
            with self.subTest(name):
                failed = self.gateway.reload(text, expect="reload.failed")
                self.assertGreaterEqual(failed["errors"], 1)
                self.assertEqual(live_tls.request().get("x-version"), "good")
                self.assertEqual(live_plain.request().get("x-version"), "good")
                with self.gateway.tls(STRICT, pki().good) as wire:
                    self.assertEqual(wire.request().get("x-version"), "good")
                with self.gateway.tls(STRICT) as wire:
                    self.assertEqual(wire.request().status, 400, "a listener was weakened")
        errors = self.gateway.events("document.error")
        self.assertTrue(any(error["pointer"].startswith("/properties/") for error in errors))
        live_tls.close()
        live_plain.close()
        self.gateway.reload(standard(self.backend.port).rewrite("identity", {}, {"X-Version": "mended"}))
        with self.gateway.tcp(PLAIN) as wire:
            self.assertEqual(wire.request().get("x-version"), "mended")

    def test_a_document_that_is_gone_changes_nothing(self) -> None:
        text = self.gateway.document_path.read_text()
        self.gateway.document_path.unlink()
        self.gateway.reload(expect="reload.failed")
        with self.gateway.tcp(PLAIN) as wire:
            self.assertEqual(wire.request().status, 200)
        self.gateway.reload(text)

    def test_a_port_that_is_taken_changes_nothing(self) -> None:
        more = standard(self.backend.port).rewrite("identity", {}, {"X-Version": "bad"})
        more.listener("extra", EXTRA + 1, plain=True).rule("extra", "extra", rewrite="identity")
        self.gateway.write(more)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", self.gateway.port(EXTRA + 1)))
            taken.listen()
            self.gateway.reload(expect="reload.failed")
            with self.gateway.tcp(PLAIN) as wire:
                self.assertIsNone(wire.request().get("x-version"))
        self.gateway.reload()
        with self.gateway.tcp(EXTRA + 1) as wire:
            self.assertEqual(wire.request().get("x-version"), "bad")

    def test_a_change_of_trust_is_felt_by_open_connections(self) -> None:
        with self.gateway.tls(STRICT, pki().good) as wire, self.gateway.tls(STRICT, pki().good) as other:
            self.assertEqual(wire.request().status, 200)
            # A trust that still covers the client goes on admitting it; one that does not closes what is idle.
            self.gateway.reload(
                standard(self.backend.port).ca("c", pki().int_b.bundle()).profile("strict", "Strict", ["a", "c"])
            )
            self.assertEqual(wire.request().status, 200)
            self.gateway.reload(standard(self.backend.port).ca("a", pki().int_b.bundle()))
            for one in (wire, other):
                self.assertTrue(one.ends())

    def test_a_listener_that_turns_strict_asks_of_open_connections_too(self) -> None:
        with self.gateway.tls(NO_PROFILE) as wire:
            self.assertEqual(wire.request().status, 200)
            changed = standard(self.backend.port)
            changed.element("httpListeners", "none")["sslProfile"] = changed.ref("sslProfiles", "strict")
            self.gateway.reload(changed)
            self.assertTrue(wire.ends())
            with self.gateway.tls(NO_PROFILE, pki().good) as new:
                self.assertEqual(new.request().status, 200)

    def test_signals_in_a_row_end_with_the_last_document(self) -> None:
        for number in range(20):
            self.gateway.write(standard(self.backend.port).rewrite("identity", {}, {"X-Version": str(number)}))
            self.gateway.signal(signal.SIGHUP)

        def last() -> bool:
            with self.gateway.tcp(PLAIN) as wire:
                return wire.request().get("x-version") == "19"

        self.gateway.wait_for("the last document", last)

    def test_reloading_leaks_nothing(self) -> None:
        documents = [standard(self.backend.port).rewrite("identity", {}, {"X-Version": str(n)}) for n in range(2)]
        for number in range(4):
            self.gateway.reload(documents[number % 2])
        descriptors, memory = self.gateway.descriptors(), self.gateway.rss()
        for number in range(env.scale(30, 6)):
            self.gateway.reload(documents[number % 2])
        self.assertLessEqual(self.gateway.descriptors(), descriptors + 2)
        if not env.sanitized():
            self.assertLess(self.gateway.rss() - memory, 8 << 20)


class Load:
    """Threads that send requests until told to stop, and remember everything that was not a plain 200."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.failures: list[str] = []
        self.served = 0
        self.reconnects = 0
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def keep_alive(self, name: str, connect: Callable[[], Wire]) -> None:
        """One connection for the whole time: an unchanged listener must not end it."""

        def work() -> None:
            wire = connect()
            with wire:
                while not self.ended.is_set():
                    if not self._one(name, wire):
                        self.reconnects += 1
                        wire = connect()

        self._start(work)

    def reconnecting(self, name: str, connect: Callable[[], Wire]) -> None:
        def work() -> None:
            while not self.ended.is_set():
                try:
                    with connect() as wire:
                        self._one(name, wire)
                        self._one(name, wire)
                except (OSError, client.ssl.SSLError) as error:
                    self.failures.append(f"{name}: connecting: {error!r}")

        self._start(work)

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work)
        thread.start()
        self._threads.append(thread)

    def _one(self, name: str, wire: Wire) -> bool:
        try:
            response = wire.request("/quiet", method="POST", body=b"x" * 100)
            if response.status == 200:
                with self._lock:
                    self.served += 1
                return True
            self.failures.append(f"{name}: {response.status} {response.text[:80]}")
        except (OSError, Closed, AssertionError) as error:
            self.failures.append(f"{name}: {error!r}")
        return False

    def stop(self) -> None:
        self.ended.set()
        for thread in self._threads:
            thread.join()


class UnderLoad(GatewayCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.nginx = Nginx() if client.have("nginx") else None
        cls.fallback = Backend()
        cls.addClassCleanup(cls.fallback.stop)
        if cls.nginx:
            cls.addClassCleanup(cls.nginx.stop)
        cls.backend_port = cls.nginx.port if cls.nginx else cls.fallback.port
        cls.gateway = Gateway(standard(cls.backend_port)).start()
        cls.addClassCleanup(cls.gateway.stop)

    def test_no_request_is_lost_and_no_connection_of_an_unchanged_listener(self) -> None:
        load = Load()
        identity = pki().good
        context = client.tls_context(identity)
        for number in range(2):
            load.keep_alive(f"plain keep-alive {number}", lambda: self.gateway.tcp(PLAIN))
            load.keep_alive(f"mTLS keep-alive {number}", lambda: self.gateway.tls(STRICT, context=context))
            load.reconnecting(f"plain fresh {number}", lambda: self.gateway.tcp(PLAIN))
            load.reconnecting(f"mTLS fresh {number}", lambda: self.gateway.tls(STRICT, context=context))
        try:
            env.wait_until("the load to run", lambda: load.served > 100)
            for number in range(8):
                changed = standard(self.backend_port)
                if number % 2 == 0:
                    changed.listener("extra", EXTRA, plain=True).rule("extra", "extra")
                    changed.rewrite("identity", {}, {"X-Version": str(number)})
                if number % 3 == 0:
                    changed.remove("requestRoutingRules", "to-strict-b").remove("httpListeners", "strict-b")
                before = load.served
                if number == 5:
                    self.gateway.reload('{"broken": ', expect="reload.failed")
                else:
                    self.gateway.reload(changed)
                env.wait_until("requests after the reload", lambda: load.served > before + 100)
        finally:
            load.stop()
        self.assertEqual(load.failures, [])
        self.assertEqual(load.reconnects, 0)
        self.assertGreater(load.served, 900)

    def test_a_listener_that_comes_and_goes_under_load_fails_only_by_not_being_there(self) -> None:
        self.gateway.reload(standard(self.backend_port).listener("extra", EXTRA, plain=True).rule("extra", "extra"))
        load = Load()
        load.reconnecting("extra", lambda: self.gateway.tcp(EXTRA))
        try:
            for _ in range(4):
                self.gateway.reload(
                    standard(self.backend_port).listener("extra", EXTRA, plain=True).rule("extra", "extra")
                )
                before = load.served
                env.wait_until("requests on the new listener", lambda: load.served > before + 20)
                self.gateway.reload(standard(self.backend_port))
        finally:
            load.stop()
        # Refused, or cut before a request could be sent; never a wrong answer.
        wrong = [
            failure
            for failure in load.failures
            if not any(word in failure for word in ("Refused", "reset", "stream", "Reset", "Pipe"))
        ]
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    main()
