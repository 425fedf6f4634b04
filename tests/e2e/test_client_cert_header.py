"""RFC 9440 towards backends: Client-Cert and Client-Cert-Chain of verified clients, and of nobody else, whoever asks.

RFC 9440 §2.1–2.4 and §4; mtls-invariants I18, I19; product.md "Identity headers".
"""

from __future__ import annotations

import base64
from typing import Any, Optional

from harness.backend import Recorded
from harness.case import GatewayCase, main
from harness.document import NO_PROFILE, PASSTHROUGH, PLAIN, STRICT, Document, standard
from harness.gateway import Gateway
from harness.http2 import Http2
from harness.pki import CLIENT, Identity, openssl, pki
from harness.websocket import ask

SPOOF = ":c3Bvb2Y=:"
NAMES = ("client-cert", "client-cert-chain", "client_cert", "client.cert.chain", "client_cert-chain")


def der(pem_path: Any) -> bytes:
    return openssl("x509", "-in", pem_path, "-outform", "DER")


def sequences(value: str) -> list[bytes]:
    """The items of a list of byte sequences (RFC 8941)."""
    items = [item.strip() for item in value.split(",")]
    for item in items:
        assert item.startswith(":") and item.endswith(":") and len(item) > 2, item
    return [base64.b64decode(item[1:-1], validate=True) for item in items]


class Case(GatewayCase):
    @classmethod
    def document(cls) -> Document:
        document = standard(cls.backend.port).ca("heavy", pki().int_a.bundle())
        document.http2()
        return document

    @classmethod
    def mode(cls) -> str:
        raise NotImplementedError

    @classmethod
    def host(cls) -> dict[str, Any]:
        return {"client_auth": {"client_cert_header": cls.mode()}, "limits": {"presented_bytes": 65536}}

    def ask_h1(self, port: int, identity: Optional[Identity], version: Optional[str] = None) -> Recorded:
        target = "/" + self.token()
        with (self.gateway.tcp(port) if port == PLAIN else self.gateway.tls(port, identity, version)) as wire:
            self.assertEqual(wire.request(target, fields=[(name, SPOOF) for name in NAMES]).status, 200)
        return self.backend.request_for(target)

    def ask_h2(self, port: int, identity: Optional[Identity]) -> Recorded:
        target = "/" + self.token()
        with Http2(self.gateway.port(port), identity) as connection:
            stream = connection.begin(target, method="POST", body=b"x", end=False, fields=[(name, SPOOF) for name in NAMES])
            connection.trailers(stream, [(name, SPOOF) for name in NAMES])
            self.assertEqual(connection.wait(stream).status, 200)
        return self.backend.request_for(target)

    def assert_told(self, request: Recorded, leaf: Optional[bytes], chain: Optional[list[bytes]]) -> None:
        self.assertNotIn(SPOOF.encode(), request.raw_head)
        self.assertNotIn(SPOOF, str(request.trailers))
        told, told_chain = request.get("client-cert"), request.get("client-cert-chain")
        self.assertEqual(told and sequences(told), [leaf] if leaf else None)
        self.assertEqual(told_chain and sequences(told_chain), chain)

    def everywhere_else(self) -> None:
        for port, identity in ((PASSTHROUGH, pki().good), (PASSTHROUGH, None), (NO_PROFILE, pki().good), (PLAIN, None)):
            with self.subTest(port=port):
                self.assert_told(self.ask_h1(port, identity), None, None)
                if port != PLAIN:
                    self.assert_told(self.ask_h2(port, identity), None, None)


class Chain(Case):
    @classmethod
    def mode(cls) -> str:
        return "chain"

    def test_a_verified_client_is_told_with_the_path_that_was_verified(self) -> None:
        above = [der(pki().int_a.certificate), der(pki().root_a.certificate)]
        for identity in (pki().good, pki().good_leaf_only):
            for version in ("1.2", "1.3"):
                self.assert_told(self.ask_h1(STRICT, identity, version), identity.der(), above)
            self.assert_told(self.ask_h2(STRICT, identity), identity.der(), above)

    def test_nobody_else_is(self) -> None:
        self.everywhere_else()

    def test_a_resumed_session_tells_the_same(self) -> None:
        from harness import client

        context, target = client.tls_context(pki().good), "/" + self.token()
        session = None
        for round in range(2):
            with self.gateway.tls(STRICT, context=context, session=session) as wire:
                wire.request(f"{target}/{round}")
                session = wire.sock.session  # type: ignore[union-attr]
        self.assertTrue(self.gateway.access_for(f"{target}/1").resumed)
        first, second = (self.backend.request_for(f"{target}/{round}") for round in range(2))
        self.assertEqual(first.get("client-cert"), second.get("client-cert"))
        self.assertEqual(first.get("client-cert-chain"), second.get("client-cert-chain"))

    def test_an_upgrade_tells_it_too(self) -> None:
        target = "/" + self.token()
        with self.gateway.tls(STRICT, pki().good) as wire:
            wire.send(ask(target, more=f"Client-Cert: {SPOOF}\r\n"))
            self.assertEqual(wire.read().status, 200)
        request = self.backend.request_for(target)
        self.assert_told(request, pki().good.der(), [der(pki().int_a.certificate), der(pki().root_a.certificate)])

    def test_what_is_too_large_is_left_out_and_the_log_says_so(self) -> None:
        for size, leaf_is_told, mark in ((11_400, True, "chain"), (14_000, False, "all")):
            identity = pki().int_a.issue(f"large-{size}", extensions=(CLIENT, "nsComment=" + "x" * size))
            request = self.ask_h1(STRICT, identity)
            self.assert_told(request, identity.der() if leaf_is_told else None, None)
            self.assertEqual(self.gateway.access_for(request.target).own["clientCertOmitted"], mark)
        request = self.ask_h1(STRICT, pki().good)
        self.assertNotIn("clientCertOmitted", self.gateway.access_for(request.target).own)


class Leaf(Case):
    @classmethod
    def mode(cls) -> str:
        return "leaf"

    def test_the_leaf_alone_is_told_and_a_reload_may_turn_it_off(self) -> None:
        self.assert_told(self.ask_h1(STRICT, pki().good), pki().good.der(), None)
        self.assert_told(self.ask_h2(STRICT, pki().good), pki().good.der(), None)
        with self.gateway.tls(STRICT, pki().good) as wire:
            for mode, told in (("off", False), ("leaf", True)):
                self.gateway.host["client_auth"] = {"client_cert_header": mode}
                self.gateway.reload(self.document())
                target = "/" + self.token()
                self.assertEqual(wire.request(target).status, 200)
                self.assertEqual(self.backend.request_for(target).get("client-cert") is not None, told)


class Off(Case):
    @classmethod
    def mode(cls) -> str:
        return "off"

    def test_the_names_are_stripped_all_the_same(self) -> None:
        self.everywhere_else()
        self.assert_told(self.ask_h1(STRICT, pki().good), None, None)
        self.assert_told(self.ask_h2(STRICT, pki().good), None, None)


class NothingIsLater(Case):
    @classmethod
    def mode(cls) -> str:
        return "leaf"

    def test_the_key_is_not_announced_as_missing(self) -> None:
        gateway: Gateway = self.gateway
        self.assertNotIn("client_cert_header", str([line for line in gateway.log() if line["level"] == "warn"]))


if __name__ == "__main__":
    main()
