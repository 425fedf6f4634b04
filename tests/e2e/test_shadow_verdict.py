"""Passthrough with CA files: the log says of every request what strict would say, and nobody is refused.

azure-semantics §1.1; product.md "says why a client was refused".
"""

from __future__ import annotations

from harness.case import GatewayCase, main
from harness.document import PASSTHROUGH, STRICT, Document, standard
from harness.http2 import Http2
from harness.pki import pki
from harness.websocket import WebSocketBackend, echoes, opened
from test_client_auth import KINDS, Kind
from test_websocket_http2 import Tunnel

SHADOW, SHADOW_DN, SOCKETS = 9001, 9002, 9003


class Shadow(GatewayCase):
    sockets: WebSocketBackend

    @classmethod
    def document(cls) -> Document:
        document = standard(cls.backend.port).settings("sockets", cls.sockets.port)
        document.profile("shadow", "Passthrough", ["a"]).profile("shadow-dn", "Passthrough", ["a"], dn=True)
        for name, port, profile in (("s", SHADOW, "shadow"), ("s-dn", SHADOW_DN, "shadow-dn"), ("ws", SOCKETS, "shadow")):
            settings = "sockets" if port == SOCKETS else "http"
            document.listener(name, port, profile).rule(name, name, rewrite="identity", settings=settings)
        document.http2()
        return document

    @classmethod
    def setUpClass(cls) -> None:
        cls.sockets = WebSocketBackend()
        cls.addClassCleanup(cls.sockets.stop)
        super().setUpClass()

    def check(self, target: str, kind: Kind, verify: str, reason: str) -> None:
        line = self.gateway.access_for(target)
        self.assertEqual(line.verify, "PASSTHROUGH" if kind.identity else "NONE")
        self.assertEqual((line.own["strictWouldSay"], line.own["strictReason"], line.reason), (verify, reason, ""))
        self.assertEqual(self.backend.request_for(target).get("x-client-cert-verify"), line.verify)

    def test_it_says_of_every_kind_of_client_what_strict_says(self) -> None:
        for kind in KINDS:
            for port in (SHADOW, SHADOW_DN):
                with self.subTest(kind=kind.name, port=port):
                    with_rule = port == SHADOW_DN and kind.dn_verify is not None
                    verify, reason = (kind.dn_verify, kind.dn_reason) if with_rule else (kind.verify, kind.reason)
                    target = "/" + self.token()
                    with self.gateway.tls(port, kind.identity) as wire:
                        self.assertEqual(wire.request(target + "/h1").status, 200)
                    self.check(target + "/h1", kind, verify or "", reason)
                    with Http2(self.gateway.port(port), kind.identity) as connection:
                        self.assertEqual(connection.request(target + "/h2").status, 200)
                    self.check(target + "/h2", kind, verify or "", reason)

    def test_websockets_have_it_too_and_go_on(self) -> None:
        target = "/echo/" + self.token()
        with self.gateway.tls(SOCKETS, pki().expired) as wire:
            self.assertTrue(echoes(opened(wire, target + "/h1"), b"expired and passed"))
        with Http2(self.gateway.port(SOCKETS), pki().expired) as connection:
            connection.receive()
            tunnel = Tunnel(connection, target + "/h2")
            self.assertEqual(tunnel.status(), 200)
            self.assertTrue(tunnel.echoes(b"expired and passed"))
        for protocol in ("/h1", "/h2"):
            line = self.gateway.access_for(target + protocol)
            self.assertEqual((line.own["strictWouldSay"], line.own["strictReason"]), ("FAILED:certificate has expired", "client_cert.expired"))
            self.assertNotEqual(line.own["websocket"]["ended"], "refused")

    def test_a_reload_that_changes_the_cas_changes_the_shadow_and_ends_nothing(self) -> None:
        target = "/" + self.token()
        with self.gateway.tls(SHADOW, pki().good) as wire:
            for number, (ca, reason) in enumerate((("a", ""), ("b", "client_cert.untrusted_issuer"), ("a", ""))):
                self.gateway.reload(self.document().profile("shadow", "Passthrough", [ca]))
                self.assertEqual(wire.request(f"{target}/{number}").status, 200)
                self.assertEqual(self.gateway.access_for(f"{target}/{number}").own["strictReason"], reason)

    def test_without_cas_there_is_none_and_strict_has_none(self) -> None:
        for port in (PASSTHROUGH, STRICT):
            target = "/" + self.token()
            with self.gateway.tls(port, pki().good) as wire:
                self.assertEqual(wire.request(target).status, 200)
            own = self.gateway.access_for(target).own
            self.assertFalse({"strictWouldSay", "strictReason"} & own.keys())


if __name__ == "__main__":
    main()
