"""SNI against Host: a request is served only by a listener whose trust its connection was judged under.

azure-semantics §4.2–4.4; mtls-invariants I12, I13, I16, I17, L1, L2.
"""

from __future__ import annotations

import ssl
from typing import Optional

from harness import client
from harness.case import GatewayCase, main
from harness.document import IDENTITY_REWRITE, Document
from harness.pki import Authority, Identity, pki

HTTPS = 443

# host → (profile, trust): listeners with equal trust may share a connection.
SITES: dict[str, tuple[Optional[str], str]] = {
    "a.test": ("a", "A"),
    "a2.test": ("a", "A"),
    "a3.test": ("a-again", "A"),  # another profile with the same trust
    "adn.test": ("a-dn", "A+dn"),
    "ab.test": ("ab", "A+B"),
    "b.test": ("b", "B"),
    "p.test": ("p", "P"),
    "n.test": (None, "-"),
}
STRICT_TRUSTS = {"A": {"good"}, "A+dn": {"good"}, "A+B": {"good", "good-b"}, "B": {"good-b"}}


def two_cas(backend_port: int) -> Document:
    """A pool and a certificate, and the CA files "a" and "b" for profiles to name."""
    made = Document().pool("pool", "127.0.0.1").settings("http", backend_port).certificate()
    return made.ca("a", pki().int_a.bundle()).ca("b", pki().int_b.bundle())


def padded(hello: bytes, zeros: int) -> bytes:
    """A ClientHello message with a padding extension (RFC 7685) at its end."""
    body = hello[4:]
    at = 34  # version and random
    at += 1 + body[at]  # session id
    at += 2 + int.from_bytes(body[at : at + 2], "big")  # cipher suites
    at += 1 + body[at]  # compression methods
    extensions = body[at + 2 :] + b"\x00\x15" + zeros.to_bytes(2, "big") + bytes(zeros)
    body = body[:at] + len(extensions).to_bytes(2, "big") + extensions
    return hello[:1] + len(body).to_bytes(3, "big") + body


def common_name_der(authority: Authority) -> bytes:
    """The common name's UTF8String, as every encoding of the subject holds it."""
    text = authority.subject().split(",")[0].split("=", 1)[1].encode()
    return bytes([0x0C, len(text)]) + text


class Misdirected(GatewayCase):
    @classmethod
    def document(cls) -> Document:
        made = (
            two_cas(cls.backend.port)
            .profile("a", "Strict", ["a"])
            .profile("a-again", "Strict", ["a"])
            .profile("a-dn", "Strict", ["a"], dn=True)
            .profile("ab", "Strict", ["a", "b"])
            .profile("b", "Strict", ["b"])
            .profile("p", "Passthrough")
            .rewrite("identity", IDENTITY_REWRITE)
        )
        for host, (profile, _) in SITES.items():
            made.listener(host, HTTPS, profile, host=host).rule(f"to-{host}", host, rewrite="identity")
        return made

    def expected(self, sni: Optional[str], host: str, identity: Optional[Identity]) -> int:
        """Own profile first, then the host's existence, then equal trust."""
        own = SITES.get(sni or "", SITES["a.test"])[1]  # no SNI, or an unknown one: the first rule's listener
        name = identity.name if identity else ""
        if own in STRICT_TRUSTS and name not in STRICT_TRUSTS[own]:
            return 400
        if host not in SITES:
            return 404
        return 200 if SITES[host][1] == own else 421

    def test_I16_L2_every_sni_against_every_host(self) -> None:
        for identity in (None, pki().good, pki().good_b, pki().untrusted):
            for sni in (*SITES, None, "unknown.test"):
                target = "/" + self.token()
                for turn, host in enumerate((*SITES, "unknown.test")):
                    with self.subTest(sni=sni, host=host, identity=identity and identity.name):
                        status = self.expected(sni, host, identity)
                        with self.gateway.tls(HTTPS, identity, sni=sni) as wire:
                            response = wire.request(f"{target}/{turn}", host)
                        self.assertEqual(response.status, status)
                        served = self.backend.all_for(f"{target}/{turn}")
                        self.assertEqual(len(served), 1 if status == 200 else 0)

    def test_what_a_misdirected_request_gets(self) -> None:
        target = "/" + self.token()
        with self.gateway.tls(HTTPS, pki().good, sni="a.test") as wire:
            response = wire.request(target, "b.test")
        self.assert_plain_page(response, 421, "Misdirected Request")
        line = self.gateway.access_for(target)
        self.assertEqual((line.status, line.error_info), (421, "ERRORINFO_INVALID_HOST"))
        self.assertEqual(line.verify, "SUCCESS")
        self.assertNotEqual(line.own.get("reason", ""), "")

    def test_what_an_unknown_host_gets(self) -> None:
        target = "/" + self.token()
        with self.gateway.tls(HTTPS, sni="n.test") as wire:
            response = wire.request(target, "unknown.test")
        self.assert_plain_page(response, 404, "Not Found")
        line = self.gateway.access_for(target)
        self.assertEqual((line.status, line.error_info), (404, "ERRORINFO_INVALID_HOST"))

    def test_I12_a_stranger_cannot_tell_which_hosts_exist(self) -> None:
        for identity in (None, pki().untrusted):
            bodies = set()
            for host in ("a.test", "b.test", "p.test", "n.test", "unknown.test", "[::1]"):
                with self.gateway.tls(HTTPS, identity, sni="a.test") as wire:
                    response = wire.request("/", host)
                bodies.add((response.status, response.body))
            self.assertEqual(len(bodies), 1, bodies)

    def test_I17_the_check_is_made_for_every_request_of_a_connection(self) -> None:
        for version in client.BOTH:
            with self.subTest(version=version):
                target = "/" + self.token()
                for hosts in (("a.test", "a2.test", "a3.test", "b.test"), ("a.test", "n.test"), ("a.test", "p.test")):
                    with self.gateway.tls(HTTPS, pki().good, version, "a.test") as wire:
                        for host in hosts[:-1]:
                            self.assertEqual(wire.request(target, host).status, 200)
                        self.assertEqual(wire.request(f"{target}/switched", hosts[-1]).status, 421)
                self.assertEqual(self.backend.all_for(f"{target}/switched"), [])

    def test_I17_a_pipelined_second_request_is_checked_too(self) -> None:
        target = "/" + self.token()
        with self.gateway.tls(HTTPS, pki().good, sni="a.test") as wire:
            first = f"GET {target}/1 HTTP/1.1\r\nHost: a.test\r\n\r\n"
            wire.send(first + f"GET {target}/2 HTTP/1.1\r\nHost: b.test\r\n\r\n")
            self.assertEqual([wire.read().status, wire.read().status], [200, 421])
        self.assertEqual(len(self.backend.all_for(target)), 1)

    def test_passthrough_and_plain_listeners_do_not_open_strict_ones(self) -> None:
        for sni in ("p.test", "n.test"):
            for identity in (None, pki().good):
                with self.subTest(sni=sni, identity=identity and identity.name):
                    with self.gateway.tls(HTTPS, identity, sni=sni) as wire:
                        self.assertEqual(wire.request("/", sni).status, 200)
                        self.assertEqual(wire.request("/", "a.test").status, 421)

    def test_I13_spellings_of_a_host_mean_one_host(self) -> None:
        port = self.gateway.port(HTTPS)
        spellings = ("A.TEST", "a.Test", "a.test.", "a.test:443", f"a.test:{port}", "A.TEST.:443", "a.test:1")
        for host in spellings:
            with self.subTest(host=host):
                with self.gateway.tls(HTTPS, pki().good, sni="a.test") as wire:
                    self.assertEqual(wire.request("/", host).status, 200)
                with self.gateway.tls(HTTPS, pki().good_b, sni="b.test") as wire:
                    self.assertEqual(wire.request("/", host).status, 421)

    def test_I13_spellings_of_an_sni_mean_one_listener(self) -> None:
        for sni in ("B.TEST", "b.Test", "b.test."):
            with self.subTest(sni=sni):
                run = client.s_client(self.gateway.port(HTTPS), identity=pki().good_b, sni=sni, host="b.test")
                self.assertEqual(run.response.status, 200, run.output)
                run = client.s_client(self.gateway.port(HTTPS), identity=pki().good, sni=sni, host="b.test")
                self.assertEqual(run.response.status, 400)

    def test_the_host_of_an_absolute_target_decides(self) -> None:
        target = "/" + self.token()
        for authority, host, status in (
            ("b.test", "a.test", 421),
            ("a.test", "b.test", 200),
            ("A.test:443", "a.test", 200),
        ):
            with self.subTest(authority=authority, host=host):
                with self.gateway.tls(HTTPS, pki().good, sni="a.test") as wire:
                    wire.send(f"GET https://{authority}{target}/{status} HTTP/1.1\r\nHost: {host}\r\n\r\n")
                    self.assertEqual(wire.read().status, status)
        self.assertEqual(self.backend.all_for(f"{target}/421"), [])

    def test_I15_sni_comes_from_the_tls_stack_however_the_hello_is_cut(self) -> None:
        for piece in (1, 7):
            with self.subTest(piece=piece):
                hello = client.Handshake(self.gateway.port(HTTPS), pki().good_b, sni="b.test")
                self.assertTrue(hello.run(piece=piece))
                hello.send(b"GET / HTTP/1.1\r\nHost: b.test\r\nConnection: close\r\n\r\n")
                self.assertTrue(hello.read().startswith(b"HTTP/1.1 200"))
                hello.wire.close()

    def test_I15_sni_of_a_hello_over_16_kib_is_found(self) -> None:
        """Over two records, and seen through the CA names that the chosen listener asks for (TLS 1.2 sends them in clear)."""
        names = {"a.test": pki().root_a, "b.test": pki().root_b}
        for sni in names:
            with self.subTest(sni=sni):
                hello = client.Handshake(self.gateway.port(HTTPS), version="1.2", sni=sni)
                with self.assertRaises(ssl.SSLWantReadError):
                    hello.object.do_handshake()
                message = padded(hello.outgoing.read()[5:], 17_000)
                self.assertGreater(len(message), 16_384)
                for at in range(0, len(message), 16_384):
                    part = message[at : at + 16_384]
                    hello.wire.send(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part)
                answer = b""
                while not answer.endswith(b"\x0e\x00\x00\x00"):  # ServerHelloDone
                    data = hello.wire.sock.recv(65536)
                    self.assertTrue(data, "the gateway left")
                    answer += data
                hello.wire.close()
                for name, authority in names.items():
                    self.assertEqual(common_name_der(authority) in answer, name == sni, name)

    def test_curl_sends_host_and_sni_apart(self) -> None:
        port = self.gateway.port(HTTPS)
        for host, status in (("a.test", 200), ("b.test", 421)):
            run = client.curl(
                *("--resolve", f"a.test:{port}:127.0.0.1", "-H", f"Host: {host}", f"https://a.test:{port}/"),
                identity=pki().good,
            )
            self.assertEqual((run.exit_code, run.status), (0, status), run.error)


class PriorityDecides(GatewayCase):
    """Who answers a client without SNI: the listener of the first rule by priority, not by place in the document."""

    @classmethod
    def document(cls) -> Document:
        made = two_cas(cls.backend.port).profile("a", "Strict", ["a"]).profile("b", "Strict", ["b"])
        made.listener("a", HTTPS, "a", host="a.test").rule("a", "a", priority=200)
        made.listener("b", HTTPS, "b", host="b.test").rule("b", "b", priority=100)
        # With a basic listener on another port: it is what a client without SNI gets there.
        made.listener("site", 444, "a", host="a.test").rule("site", "site", priority=10)
        made.listener("basic", 444, "b").rule("basic", "basic", priority=300)
        return made

    def test_no_sni_selects_the_first_rule_or_the_basic_listener(self) -> None:
        for port in (HTTPS, 444):
            for sni in (None, "unknown.test"):
                for identity, status in ((pki().good_b, 200), (pki().good, 400)):
                    with self.subTest(port=port, sni=sni, identity=identity.name):
                        with self.gateway.tls(port, identity, sni=sni) as wire:
                            self.assertEqual(wire.request("/", "b.test").status, status)

    def test_L1_I16_no_sni_does_not_reach_a_host_with_another_ca(self) -> None:
        for sni in (None, "b.test", "unknown.test"):
            with self.gateway.tls(HTTPS, pki().good_b, sni=sni) as wire:
                self.assertEqual(wire.request("/", "a.test").status, 421)

    def test_a_basic_listener_takes_any_host_but_not_any_trust(self) -> None:
        with self.gateway.tls(444, pki().good_b, sni=None) as wire:
            self.assertEqual(wire.request("/", "anything.test").status, 200)
            self.assertEqual(wire.request("/", "a.test").status, 421)


class SeveralNames(GatewayCase):
    """hostNames, and plain HTTP: exact names, nothing else."""

    @classmethod
    def document(cls) -> Document:
        made = Document().pool("pool", "127.0.0.1").settings("http", cls.backend.port).certificate()
        made.ca("a", pki().int_a.bundle()).profile("a", "Strict", ["a"])
        made.listener("two", HTTPS, "a").rule("two", "two")
        made.element("httpListeners", "two")["hostNames"] = ["One.test", "two.test"]
        made.listener("other", HTTPS, host="other.test").rule("other", "other")
        made.listener("plain", 80, plain=True, host="one.test").rule("plain", "plain")
        return made

    def test_each_name_of_a_listener_is_it(self) -> None:
        for sni in ("one.test", "two.test"):
            for host, status in (("one.test", 200), ("TWO.test", 200), ("other.test", 421), ("three.test", 404)):
                with self.subTest(sni=sni, host=host):
                    with self.gateway.tls(HTTPS, pki().good, sni=sni) as wire:
                        self.assertEqual(wire.request("/", host).status, status)
            with self.gateway.tls(HTTPS, sni=sni) as wire:
                self.assertEqual(wire.request("/", sni).status, 400)

    def test_plain_http_with_a_name(self) -> None:
        with self.gateway.tcp(80) as wire:
            for host, status in (("one.test", 200), ("ONE.TEST.:80", 200), ("two.test", 404), ("x.one.test", 404)):
                self.assertEqual(wire.request("/", host).status, status, host)
            wire.send("GET / HTTP/1.0\r\n\r\n")
            self.assertEqual(wire.read().status, 404, "no Host names no listener")


if __name__ == "__main__":
    main()
