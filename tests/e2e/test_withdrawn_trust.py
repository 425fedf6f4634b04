"""A reload withdraws trust: no open connection reaches a backend under rules that are not in force any more.

mtls-invariants I14, I16; architecture.md "Immutable snapshots".
"""

from __future__ import annotations

import ssl
from typing import Callable, Optional

from harness import client
from harness.case import GatewayCase, main
from harness.document import IDENTITY_REWRITE, NO_PROFILE, PASSTHROUGH, PLAIN, STRICT, Document
from harness.http_wire import Closed, Response, Wire
from harness.pki import pki


def other_ca(document: Document) -> Document:
    return document.ca("a", pki().int_b.bundle())


class Withdrawn(GatewayCase):
    """Each test puts the standard document back first, so that they run in any order."""

    def setUp(self) -> None:
        self.gateway.reload(self.document())
        self.target = "/" + self.token()
        self.head = f"GET {self.target} HTTP/1.1\r\nHost: localhost\r\n"

    def outcome(self, wire: Wire, rest: Optional[str] = None) -> Optional[Response]:
        """What comes of the request (or of its rest), None where the connection is closed."""
        try:
            wire.send(self.head + "\r\n" if rest is None else rest)
            return wire.read()
        except (Closed, ConnectionError, ssl.SSLError):
            return None

    def assert_closed(self, wire: Wire) -> None:
        try:
            self.assertTrue(wire.ends())
        except ConnectionError:
            pass

    def test_a_connection_of_a_listener_that_is_gone_reaches_no_backend(self) -> None:
        def renamed(document: Document) -> None:
            document.remove("requestRoutingRules", "to-strict").remove("httpListeners", "strict")
            other_ca(document).listener("again", STRICT, "strict").rule(
                "to-again", "again", rewrite="identity", priority=900
            )

        def removed(document: Document) -> None:
            document.remove("requestRoutingRules", "to-strict").remove("httpListeners", "strict")
            document.remove("frontendPorts", f"p{STRICT}")

        def turned_plain(document: Document) -> None:
            document.listener("strict", STRICT, plain=True)

        changes: dict[str, Callable[[Document], None]] = {
            "renamed": renamed,
            "removed": removed,
            "turned plain": turned_plain,
        }
        for name, change in changes.items():
            for version in client.BOTH:
                with self.subTest(name, version=version):
                    self.gateway.reload(self.document())
                    used, unused, begun = (self.gateway.tls(STRICT, pki().good, version) for _ in range(3))
                    with used, unused, begun:
                        for wire in (used, begun):
                            self.assertEqual(wire.request("/before").status, 200)
                        begun.send(self.head)  # in the middle of a head nobody can close it as idle
                        document = self.document()
                        change(document)
                        self.gateway.reload(document)
                        for wire in (used, unused):
                            answer = self.outcome(wire)
                            self.assertIn(answer and answer.status, (None, 421))
                        answer = self.outcome(begun, "\r\n")
                        self.assertIn(answer and answer.status, (None, 421))
                        self.assert_closed(begun)
                    self.assertEqual(self.backend.all_for(self.target), [])

    def test_the_request_that_was_begun_is_answered_421_and_logged(self) -> None:
        with self.gateway.tls(STRICT, pki().good) as wire:
            self.assertEqual(wire.request("/before").status, 200)
            wire.send(self.head)
            # The connection has to be seen to have begun a request: another one on the same worker cannot tell, so the
            # reload is preceded by a round trip that the kernel orders after these bytes.
            with self.gateway.tls(STRICT, pki().good) as other:
                self.assertEqual(other.request("/before").status, 200)
            document = other_ca(self.document().remove("requestRoutingRules", "to-strict"))
            document.remove("httpListeners", "strict")
            document.listener("again", STRICT, "strict").rule("to-again", "again", rewrite="identity", priority=900)
            self.gateway.reload(document)
            answer = self.outcome(wire, "\r\n")
            if answer is None:
                self.skipTest("the worker had not read the begun head: it closed the connection as idle")
            self.assert_plain_page(answer, 421, "Misdirected Request")
            self.assertEqual(answer.get("connection"), "close")
            self.assert_closed(wire)
        line = self.gateway.access_for(self.target)
        self.assertEqual((line.status, line.reason), (421, "listener.removed"))
        self.assertEqual(self.backend.all_for(self.target), [])

    def test_what_was_pipelined_behind_a_request_in_flight_is_not_served(self) -> None:
        for version in client.BOTH:
            with self.subTest(version=version):
                self.gateway.reload(self.document())
                held = "/hold/" + self.token()
                with self.gateway.tls(STRICT, pki().good, version) as wire:
                    wire.send(f"GET {held} HTTP/1.1\r\nHost: localhost\r\n\r\n" + self.head + "\r\n")
                    self.backend.request_for(held)
                    document = self.document().remove("requestRoutingRules", "to-strict")
                    document.remove("httpListeners", "strict")
                    document.listener("again", STRICT, "strict-b").rule("to-again", "again", priority=900)
                    self.gateway.reload(document)
                    self.backend.release.set()
                    self.assertEqual(wire.read().status, 200, "the request in flight ends as it began")
                    self.backend.release.clear()
                    answer = self.outcome(wire, "")
                    self.assertIn(answer and answer.status, (None, 421))
                self.assertEqual(self.backend.all_for(self.target), [])

    def test_a_ca_that_is_replaced_under_its_name_judges_open_connections(self) -> None:
        """Those that are idle after a request are closed (test_live_connections.py) or, where a request is faster than that, refused."""
        for version in client.BOTH:
            with self.subTest(version=version):
                self.gateway.reload(self.document())
                used, unused, begun = (self.gateway.tls(STRICT, pki().good, version) for _ in range(3))
                with used, unused, begun:
                    self.assertEqual(used.request("/before").status, 200)
                    begun.send(self.head)
                    self.gateway.reload(other_ca(self.document()))
                    for wire, rest in ((used, None), (unused, None), (begun, "\r\n")):
                        answer = self.outcome(wire, rest)
                        if answer is not None:
                            self.assert_certificate_error(answer)
                        self.assertFalse(answer is None and wire is not used, "whoever has not been answered yet hears why")
                self.assertEqual(self.backend.all_for(self.target), [])
                with self.gateway.tls(STRICT, pki().good_b, version) as new:
                    self.assertEqual(new.request("/before").status, 200)

    def test_a_session_of_the_old_trust_admits_nobody(self) -> None:
        for version in client.BOTH:
            with self.subTest(version=version):
                self.gateway.reload(self.document())
                context = client.tls_context(pki().good, version)
                with self.gateway.tls(STRICT, context=context) as wire:
                    self.assertEqual(wire.request("/before").status, 200)
                    session = wire.sock.session  # type: ignore[union-attr]
                self.gateway.reload(other_ca(self.document()))
                with self.gateway.tls(STRICT, context=context, session=session) as wire:
                    self.assert_certificate_error(wire.request(self.target))
                self.assertEqual(self.backend.all_for(self.target), [])

    def test_a_listener_that_asks_no_more_names_no_client(self) -> None:
        """What the backend gets is what it gets from a listener that never asked."""
        with self.gateway.tls(NO_PROFILE, pki().good) as wire:
            wire.request(self.target + "/never")
        never = self.backend.request_for(self.target + "/never")
        expected = {name: never.get(name) for name in IDENTITY_REWRITE}
        document = self.document()
        del document.element("httpListeners", "strict")["sslProfile"]
        for version in client.BOTH:
            with self.subTest(version=version):
                self.gateway.reload(self.document())
                at = f"{self.target}/{version}"
                with self.gateway.tls(STRICT, pki().good, version) as wire:
                    self.assertEqual(wire.request(f"{at}/named").status, 200)
                    self.gateway.reload(document)
                    self.assertEqual(wire.request(f"{at}/unnamed").status, 200)
                    # The chain is kept: a listener that asks again knows its client, without a new handshake.
                    self.gateway.reload(self.document())
                    self.assertEqual(wire.request(f"{at}/again").status, 200)
                named = self.backend.request_for(f"{at}/named")
                unnamed = self.backend.request_for(f"{at}/unnamed")
                again = self.backend.request_for(f"{at}/again")
                for name, value in expected.items():
                    self.assertTrue(named.get(name), name)
                    self.assertEqual(again.get(name), named.get(name), name)
                    self.assertEqual(unnamed.get(name), value, name)
                self.assertNotIn(b"Contoso", unnamed.raw_head)
                self.assertNotIn(b"CERTIFICATE", unnamed.raw_head)
                line = self.gateway.access_for(f"{at}/unnamed")
                self.assertEqual(line.verify, self.gateway.access_for(self.target + "/never").verify)

    def test_a_passthrough_listener_that_turns_strict_judges_open_connections(self) -> None:
        identities = {"good": pki().good, "untrusted": pki().untrusted, "expired": pki().expired, "none": None}
        strict = self.document().profile("passthrough", "Strict", ["a"])
        for version in client.BOTH:
            with self.subTest(version=version):
                self.gateway.reload(self.document())
                wires = {name: self.gateway.tls(PASSTHROUGH, who, version) for name, who in identities.items()}
                for name, wire in wires.items():
                    self.assertEqual(wire.request(f"{self.target}/{version}/{name}/before").status, 200)
                self.gateway.reload(strict)
                for name, wire in wires.items():
                    with wire:
                        head = f"GET {self.target}/{version}/{name}/after HTTP/1.1\r\nHost: localhost\r\n\r\n"
                        answer = self.outcome(wire, head)
                        if name == "good":
                            self.assertEqual(answer and answer.status, 200)
                        elif answer is None:
                            continue  # closed before it could ask
                        elif name == "none":
                            self.assert_no_certificate(answer)
                        else:
                            self.assert_certificate_error(answer)
                    served = self.backend.all_for(f"{self.target}/{version}/{name}/after")
                    self.assertEqual(len(served), 1 if name == "good" else 0)

    def test_plain_connections_of_the_same_document_go_on(self) -> None:
        with self.gateway.tcp(PLAIN) as wire:
            self.assertEqual(wire.request("/before").status, 200)
            self.gateway.reload(other_ca(self.document()))
            self.assertEqual(wire.request(self.target).status, 200)
        self.backend.request_for(self.target)


if __name__ == "__main__":
    main()
