"""Who is admitted: every kind of client certificate × strict and passthrough × TLS 1.2 and 1.3 × fresh and resumed.

azure-semantics §1.2–1.5, §1.7, §2.1, §6.1, §6.4; mtls-invariants I5, I6, I12, I21, I25, I26.
"""

from __future__ import annotations

import dataclasses
import re
import urllib.parse
from typing import Optional

from harness import client, env
from harness.case import GatewayCase, main
from harness.document import NO_PROFILE, PASSTHROUGH, PLAIN, STRICT, STRICT_B, STRICT_DN, Document, standard
from harness.pki import Identity, pki

NO_CERT = "ERRORINFO_HTTPS_NO_CERT"


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of client, and what a strict listener that trusts CA A makes of it."""

    name: str  # of the identity in harness.pki; empty: no certificate
    verify: str = "SUCCESS"
    reason: str = ""
    dn_verify: Optional[str] = None  # with the issuer-DN rule, where that differs
    dn_reason: str = ""

    @property
    def identity(self) -> Optional[Identity]:
        return getattr(pki(), self.name) if self.name else None

    @property
    def admitted(self) -> bool:
        return self.verify == "SUCCESS"


FIRST = "FAILED:unable to verify the first certificate"
LOCAL_ISSUER = "FAILED:unable to get local issuer certificate"
DN = "FAILED:unable to verify the client certificate issuer"
DN_REASON = "client_cert.issuer_dn_mismatch"
KINDS = (
    Kind("good"),
    Kind("good_leaf_only"),
    Kind("good_rsa"),
    Kind("no_eku"),
    Kind("fancy"),
    Kind("sibling", dn_verify=DN, dn_reason=DN_REASON),
    Kind("", "NONE", "client_cert.missing"),
    Kind("expired", "FAILED:certificate has expired", "client_cert.expired"),
    Kind("not_yet", "FAILED:certificate is not yet valid", "client_cert.not_yet_valid"),
    Kind("untrusted", FIRST, "client_cert.untrusted_issuer"),
    Kind("untrusted_with_intermediate", LOCAL_ISSUER, "client_cert.untrusted_issuer"),
    Kind("untrusted_with_root", "FAILED:self-signed certificate in certificate chain", "client_cert.untrusted_issuer"),
    Kind("good_b", LOCAL_ISSUER, "client_cert.untrusted_issuer"),
    Kind("server_auth", "FAILED:unsupported certificate purpose", "client_cert.wrong_purpose"),
    Kind("under_server_ca", "FAILED:unsupported certificate purpose", "client_cert.wrong_purpose"),
    Kind("self_signed", "FAILED:self-signed certificate", "client_cert.self_signed"),
    Kind("weak_rsa", "FAILED:EE certificate key too weak", "client_cert.weak_key"),
)


class ClientAuth(GatewayCase):
    def both(self) -> list[tuple[Kind, str]]:
        return [(kind, version) for kind in KINDS for version in client.BOTH]

    def ask(self, port: int, kind: Kind, version: str, target: str) -> tuple[client.http_wire.Response, bool]:
        """A fresh connection, then one with its session; the last response, and whether the session was taken up."""
        context = client.tls_context(kind.identity, version)
        with self.gateway.tls(port, context=context) as first:
            response = first.request(f"{target}/fresh")
            session = first.sock.session  # type: ignore[union-attr]
        self.check(response)
        with self.gateway.tls(port, context=context, session=session) as second:
            response = second.request(f"{target}/resumed")
            return response, bool(second.sock.session_reused)  # type: ignore[union-attr]

    def test_strict_admits_and_refuses_by_the_table_fresh_and_resumed(self) -> None:
        for kind, version in self.both():
            with self.subTest(kind=kind.name or "none", version=version):
                self.strict(STRICT, kind, version, kind.verify, kind.reason)

    def test_the_issuer_dn_rule_admits_only_the_extracted_issuer(self) -> None:
        for kind, version in self.both():
            with self.subTest(kind=kind.name or "none", version=version):
                verify, reason = kind.dn_verify or kind.verify, kind.dn_reason or kind.reason
                self.strict(STRICT_DN, kind, version, verify, reason)

    def strict(self, port: int, kind: Kind, version: str, verify: str, reason: str) -> None:
        target = "/" + self.token()

        def check(response: client.http_wire.Response) -> None:
            if verify == "SUCCESS":
                self.assertEqual(response.status, 200, response.text)
            elif kind.identity is None:
                self.assert_no_certificate(response)
            else:
                self.assert_certificate_error(response)

        self.check = check
        response, reused = self.ask(port, kind, version, target)
        check(response)
        for step in ("fresh", "resumed"):
            line = self.gateway.access_for(f"{target}/{step}")
            self.assertEqual(line.status, 200 if verify == "SUCCESS" else 400)
            self.assertEqual(line.verify, verify)
            self.assertEqual(line.own.get("reason", ""), reason)
            self.assertEqual(line.error_info, "ERRORINFO_NO_ERROR" if verify == "SUCCESS" else NO_CERT)
            self.assertEqual(line.resumed, reused and step == "resumed")
            self.assertEqual(line.properties["sslProtocol"], f"TLSv{version}")
        if verify == "SUCCESS":
            self.assertTrue(reused, "a good client's session was not resumed")
            for step in ("fresh", "resumed"):
                request = self.backend.request_for(f"{target}/{step}")
                self.assert_identity(request, kind.identity, "SUCCESS")
        else:
            self.assertEqual(self.backend.all_for(target), [])

    def test_passthrough_proxies_every_kind_fresh_and_resumed(self) -> None:
        for kind, version in self.both():
            with self.subTest(kind=kind.name or "none", version=version):
                target = "/" + self.token()
                self.check = lambda response: self.assertEqual(response.status, 200, response.text)
                response, _ = self.ask(PASSTHROUGH, kind, version, target)
                self.assertEqual(response.status, 200, response.text)
                verify = "PASSTHROUGH" if kind.name else "NONE"
                for step in ("fresh", "resumed"):
                    line = self.gateway.access_for(f"{target}/{step}")
                    self.assertEqual((line.status, line.verify), (200, verify))
                    self.assertEqual(line.error_info, "ERRORINFO_NO_ERROR")
                    self.assert_identity(self.backend.request_for(f"{target}/{step}"), kind.identity, verify)

    def assert_identity(self, request, identity: Optional[Identity], verify: str) -> None:
        """The eight variables at the backend, each in the format of §2.1."""
        self.assertEqual(request.get("x-client-cert-verify"), verify)
        if identity is None:
            for name in ("cert", "end", "start", "fingerprint", "issuer", "subject", "serial"):
                self.assertIsNone(request.get(f"x-client-{name}"), "a header with an empty value is not sent")
            return
        escaped = urllib.parse.quote(identity.leaf_pem, safe="-")
        self.assertEqual(request.get("x-client-cert"), escaped)
        self.assertTrue(escaped.startswith("-----BEGIN%20CERTIFICATE-----%0AMII"))
        self.assertTrue(escaped.endswith("-----END%20CERTIFICATE-----%0A"))
        self.assertEqual(request.get("x-client-end"), identity.field("-enddate"))
        self.assertEqual(request.get("x-client-start"), identity.field("-startdate"))
        self.assertRegex(request.get("x-client-end"), r"^[A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d \d{4} GMT$")
        fingerprint = identity.field("-fingerprint", "-sha1").replace(":", "").lower()
        self.assertEqual(request.get("x-client-fingerprint"), fingerprint)
        self.assertEqual(request.get("x-client-serial"), identity.field("-serial"))
        self.assertEqual(request.get("x-client-issuer"), identity.field("-issuer", "-nameopt", "RFC2253"))
        self.assertEqual(request.get("x-client-subject"), identity.field("-subject", "-nameopt", "RFC2253"))

    def test_a_distinguished_name_is_written_as_rfc_2253(self) -> None:
        target = "/" + self.token()
        with self.gateway.tls(STRICT, pki().fancy) as wire:
            self.assertEqual(wire.request(target).status, 200)
        expected = r"emailAddress=a@b.c,CN=d\C3\A9v 01,OU=IoT,O=Contoso\, Ltd,L=Redmond,ST=WA,C=US"
        self.assertEqual(self.backend.request_for(target).get("x-client-subject"), expected)
        line = self.gateway.access_for(target)
        self.assertEqual(line.properties["sslClientCertificateIssuerName"], "CN=Contoso Int A,O=Contoso,C=US")
        self.assertRegex(line.properties["sslClientCertificateFingerprint"], r"^[0-9a-f]{40}$")

    def test_I5_control_bytes_in_a_name_are_refused_when_strict_and_escaped_when_passed_through(self) -> None:
        target = "/" + self.token()
        with self.gateway.tls(STRICT, pki().spoof) as wire:
            self.assert_certificate_error(wire.request(f"{target}/strict"))
        line = self.gateway.access_for(f"{target}/strict")
        self.assertEqual(line.reason, "client_cert.malformed_name")
        self.assertTrue(line.verify.startswith("FAILED:"))
        with self.gateway.tls(PASSTHROUGH, pki().spoof) as wire:
            self.assertEqual(wire.request(f"{target}/passthrough").status, 200)
        request = self.backend.request_for(f"{target}/passthrough")
        self.assertIsNone(request.get("x-admin"))
        self.assertIn(r"\0D\0AX-Admin: yes", request.get("x-client-subject"))
        self.assertIn("{var_client_ip}", request.get("x-client-subject"), "a value is not expanded again")
        self.assertTrue(all(" " <= c <= "~" for c in request.get("x-client-subject")))

    def test_without_possession_of_the_key_the_handshake_fails_in_both_modes(self) -> None:
        before = len(self.backend.requests)
        for port in (STRICT, PASSTHROUGH):
            for version in client.BOTH:
                with self.subTest(port=port, version=version):
                    # The same client with its own key is served: what fails is the key alone.
                    with self.gateway.tls(port, pki().good, version) as wire:
                        self.assertEqual(wire.request().status, 200)
                    self.assertTrue(client.handshake_fails(self.gateway.port(port), pki().wrong_key, version))
        self.assertEqual(len(self.backend.requests), before + 4)

    def test_a_chain_over_the_limits_fails_the_handshake(self) -> None:
        for port in (STRICT, PASSTHROUGH):
            for version in client.BOTH:
                for name in ("long_chain", "heavy_chain"):
                    with self.subTest(port=port, version=version, chain=name):
                        identity = getattr(pki(), name)
                        self.assertTrue(client.handshake_fails(self.gateway.port(port), identity, version))

    def test_no_profile_means_no_certificate_request(self) -> None:
        for version in client.BOTH:
            with self.subTest(version=version):
                target = "/" + self.token()
                port = self.gateway.port(NO_PROFILE)
                run = client.s_client(port, identity=pki().good, version=version, target=target, messages=True)
                self.assertFalse(run.certificate_requested)
                self.assertEqual(run.response.status, 200)
                self.assertEqual(self.gateway.access_for(target).verify, "")
                request = self.backend.request_for(target)
                self.assertEqual([name for name in request.names() if name.startswith("x-client")], [])

    def test_the_certificate_request_names_the_cas_of_a_strict_profile_only(self) -> None:
        expected = {pki().int_a.subject(), pki().root_a.subject()}
        for version in client.BOTH:
            with self.subTest(version=version):
                strict = client.s_client(self.gateway.port(STRICT), version=version, messages=True)
                self.assertTrue(strict.certificate_requested)
                self.assertEqual(set(strict.ca_names), expected)
                passthrough = client.s_client(self.gateway.port(PASSTHROUGH), version=version, messages=True)
                self.assertTrue(passthrough.certificate_requested)
                self.assertEqual(passthrough.ca_names, [])

    def test_another_profile_trusts_another_ca(self) -> None:
        for identity, status in ((pki().good_b, 200), (pki().good, 400)):
            with self.gateway.tls(STRICT_B, identity) as wire:
                self.assertEqual(wire.request().status, status)

    def test_a_refusal_closes_the_connection_and_says_so(self) -> None:
        for identity in (None, pki().expired):
            for version in client.BOTH:
                with self.subTest(identity=identity and identity.name, version=version):
                    with self.gateway.tls(STRICT, identity, version) as wire:
                        response = wire.request()
                        self.assertEqual(response.status, 400)
                        self.assertEqual(response.get("connection"), "close")
                        self.assertTrue(wire.ends())

    def test_I21_a_refused_client_learns_nothing_but_the_two_pages(self) -> None:
        bodies = set()
        for kind in KINDS:
            if kind.admitted or kind.identity is None:
                continue
            with self.gateway.tls(STRICT, kind.identity) as wire:
                response = wire.request()
            bodies.add(response.body)
            self.assertNotRegex(response.raw_head.decode().lower(), r"expired|issuer|purpose|client_cert")
        self.assertEqual(len(bodies), 1)

    def test_a_refusal_comes_before_the_body_and_before_100_continue(self) -> None:
        target = "/" + self.token()
        with self.gateway.tls(STRICT) as wire:
            wire.send(
                f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"
            )
            response = wire.read()
        self.assert_no_certificate(response)
        self.assertEqual(response.interim, [])

    def test_a_refused_request_with_a_body_still_gets_its_answer(self) -> None:
        with self.gateway.tls(STRICT, pki().expired) as wire:
            response = wire.request(method="POST", body=b"x" * 200_000)
        self.assert_certificate_error(response)

    def test_every_request_of_a_connection_carries_its_identity(self) -> None:
        target = "/" + self.token()
        with self.gateway.tls(STRICT, pki().good) as wire:
            for turn in range(3):
                self.assertEqual(wire.request(f"{target}/{turn}").status, 200)
        fingerprints = {self.backend.request_for(f"{target}/{turn}").get("x-client-fingerprint") for turn in range(3)}
        self.assertEqual(len(fingerprints), 1)
        self.assertIsNotNone(fingerprints.pop())

    def test_plain_http_has_no_identity(self) -> None:
        target = "/" + self.token()
        with self.gateway.tcp(PLAIN) as wire:
            self.assertEqual(wire.request(target).status, 200)
        request = self.backend.request_for(target)
        self.assertEqual([name for name in request.names() if name.startswith("x-client")], [])
        self.assertEqual(self.gateway.access_for(target).verify, "")

    def test_curl_sees_what_the_raw_client_sees(self) -> None:
        url = f"https://localhost:{self.gateway.port(STRICT)}/"
        for version in client.BOTH:
            with self.subTest(version=version):
                run = client.curl(url, identity=pki().good, version=version)
                self.assertEqual((run.exit_code, run.status), (0, 200), run.error)
                run = client.curl(url, identity=pki().expired, version=version)
                self.assertEqual((run.exit_code, run.status), (0, 400), run.error)
                self.assertIn("<title>400 The SSL certificate error</title>", run.body)
                run = client.curl(url, version=version)
                self.assertEqual((run.exit_code, run.status), (0, 400), run.error)
                self.assertIn("<title>400 No required SSL certificate was sent</title>", run.body)

    def test_versions_below_the_policy_end_in_the_handshake(self) -> None:
        port = self.gateway.port(STRICT)
        for flag in ("-tls1", "-tls1_1"):
            done = client.subprocess.run(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", flag, "-cipher", "ALL:@SECLEVEL=0"],
                input=b"",
                capture_output=True,
                timeout=env.patience(10),
            )
            self.assertNotEqual(done.returncode, 0)
            self.assertRegex(done.stderr.decode(), re.compile("alert protocol version|alert handshake failure"))

    def test_http_2_is_not_agreed_on(self) -> None:
        for offered, agreed in ((["h2", "http/1.1"], "http/1.1"), (["http/1.1"], "http/1.1"), ([], None)):
            context = client.tls_context(pki().good)
            if offered:
                context.set_alpn_protocols(offered)
            with self.gateway.tls(STRICT, context=context) as wire:
                self.assertEqual(wire.sock.selected_alpn_protocol(), agreed)
                self.assertEqual(wire.request().status, 200)


class SeveralCas(GatewayCase):
    """Several files in one profile are a union of anchors; with the issuer-DN rule each lends its name to its own root."""

    @classmethod
    def document(cls) -> Document:
        document = standard(cls.backend.port).ca("lone", pki().server_root.pem())
        cas = ["b", "lone", "a"]
        return document.profile("strict", "Strict", cas).profile("strict-dn", "Strict", cas, dn=True)

    def test_each_file_anchors_its_own(self) -> None:
        table = (
            ("good", 200, 200),
            ("good_b", 200, 200),
            ("sibling", 200, 400),
            ("name_thief", 200, 400),
            ("untrusted_with_root", 400, 400),
        )
        for name, plain, dn in table:
            for port, status in ((STRICT, plain), (STRICT_DN, dn)):
                with self.subTest(name, port=port):
                    target = "/" + self.token()
                    with self.gateway.tls(port, getattr(pki(), name)) as wire:
                        self.assertEqual(wire.request(target).status, status)
                    if plain != dn and status == 400:
                        self.assertEqual(self.gateway.access_for(target).reason, DN_REASON)


    def test_only_acceptable_issuers_are_named_with_the_dn_rule(self) -> None:
        everyone = {ca.subject() for ca in (pki().root_b, pki().int_b, pki().server_root, pki().root_a, pki().int_a)}
        issuers = [ca.subject() for ca in (pki().int_b, pki().server_root, pki().int_a)]
        for version in client.BOTH:
            with self.subTest(version=version):
                plain = client.s_client(self.gateway.port(STRICT), version=version, messages=True)
                self.assertEqual((set(plain.ca_names), len(plain.ca_names)), (everyone, len(everyone)))
                dn = client.s_client(self.gateway.port(STRICT_DN), version=version, messages=True)
                self.assertEqual(dn.ca_names, issuers)

    def test_whose_issuer_was_named_passes_the_dn_rule(self) -> None:
        for identity in (pki().good_leaf_only, pki().good_b, pki().server_root.issue("of-the-lone-root")):
            with self.subTest(identity.name):
                names = client.s_client(self.gateway.port(STRICT_DN), messages=True).ca_names
                self.assertIn(identity.field("-issuer", "-nameopt", "RFC2253"), names)
                with self.gateway.tls(STRICT_DN, identity) as wire:
                    self.assertEqual(wire.request().status, 200)


class Limits(GatewayCase):
    """What the host file says of presented chains: bounds, and whether their CAs are named."""

    @classmethod
    def host(cls) -> dict[str, object]:
        return {
            "limits": {"presented_certificates": 2, "presented_bytes": 4096, "rsa_bits": 2048},
            "client_auth": {"verify_depth": 0, "ca_names": "none"},
        }

    @classmethod
    def document(cls) -> Document:
        # With depth 0 only the root's own leaves pass.
        return standard(cls.backend.port).ca("c", pki().root_a.pem()).profile("strict-b", "Strict", ["c"])

    def test_keys_over_the_limit_fail_the_handshake(self) -> None:
        for port in (STRICT, PASSTHROUGH):
            with self.subTest(port=port):
                self.assertTrue(client.handshake_fails(self.gateway.port(port), pki().big_rsa, "1.3"))
        with self.gateway.tls(PASSTHROUGH, pki().good_rsa) as wire:
            self.assertEqual(wire.request().status, 200)

    def test_more_certificates_than_the_limit_fail_the_handshake(self) -> None:
        self.assertTrue(client.handshake_fails(self.gateway.port(PASSTHROUGH), pki().untrusted_with_root, "1.3"))
        with self.gateway.tls(PASSTHROUGH, pki().untrusted_with_intermediate) as wire:
            self.assertEqual(wire.request().status, 200)

    def test_no_ca_is_named_where_the_host_file_says_none(self) -> None:
        for version in client.BOTH:
            with self.subTest(version=version):
                strict = client.s_client(self.gateway.port(STRICT), version=version, messages=True)
                self.assertTrue(strict.certificate_requested)
                self.assertEqual(strict.ca_names, [])

    def test_the_depth_counts_intermediates(self) -> None:
        with self.gateway.tls(STRICT, pki().good) as wire:
            self.assert_certificate_error(wire.request())
        with self.gateway.tls(STRICT_B, pki().root_a.issue("of-the-root")) as wire:
            self.assertEqual(wire.request().status, 200)


if __name__ == "__main__":
    main()
