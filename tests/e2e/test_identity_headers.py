"""No client can send a header by which backends learn who it is: on any listener, in any mode, in any spelling.

mtls-invariants I18, I19; product.md "Identity headers".
"""

from __future__ import annotations

from harness.case import GatewayCase, main
from harness.document import NO_PROFILE, PASSTHROUGH, PLAIN, STRICT, Document, standard
from harness.gateway import Gateway
from harness.http_wire import Wire
from harness.pki import pki

SPOOF = "spoofed-by-the-client"

# Spellings of x-client-cert and of the other names that some backend would fold into the same variable.
SPELLINGS = (
    "X-Client-Cert",
    "x-client-cert",
    "X-CLIENT-CERT",
    "x-Client-cERT",
    "X_Client_Cert",
    "X.Client.Cert",
    "X-Client_Cert",
    "X_Client.Cert",
    "X-Client-Cert-Verify",
    "X_CLIENT_CERT_VERIFY",
    "X-Client-Subject",
    "x.client-subject",
    "X-Client-Fingerprint",
    "X-Only-On-Another-Listener",
    "X_Only.On-Another_Listener",
    "X-Mixed",
    "Client-Cert",
    "client_cert",
    "Client-Cert-Chain",
    "CLIENT.CERT.CHAIN",
)
# Near misses are the client's own business.
KEPT = ("X-Client-Certificate-Wish", "X-Client", "XClient-Cert", "X-Client-Cert2", "Cert")


class IdentityHeaders(GatewayCase):
    @classmethod
    def document(cls) -> Document:
        made = standard(cls.backend.port)
        # Filled by a rewrite set of one listener only, yet stripped on all of them.
        made.rewrite(
            "another",
            {
                "X-Only-On-Another-Listener": "{var_client_certificate_subject}",
                "X-Mixed": "serial={var_client_certificate_serial};ip={var_client_ip}",
                "X-Not-Identity": "{var_client_ip}",
            },
        )
        return made.listener("another", 8000, plain=True).rule("to-another", "another", rewrite="another")

    def openings(self) -> dict[str, Wire]:
        return {
            "plain": self.gateway.tcp(PLAIN),
            "plain, another rewrite set": self.gateway.tcp(8000),
            "no profile": self.gateway.tls(NO_PROFILE),
            "passthrough without certificate": self.gateway.tls(PASSTHROUGH),
            "passthrough with an expired certificate": self.gateway.tls(PASSTHROUGH, pki().expired),
            "strict": self.gateway.tls(STRICT, pki().good),
        }

    def assert_not_spoofed(self, target: str) -> None:
        request = self.backend.request_for(target)
        self.assertNotIn(SPOOF.encode(), request.raw_head)
        self.assertNotIn(SPOOF, str(request.trailers))

    def test_I18_I19_every_spelling_is_dropped_on_every_listener(self) -> None:
        for where, wire in self.openings().items():
            with wire:
                for name in SPELLINGS:
                    with self.subTest(where=where, name=name):
                        target = "/" + self.token()
                        response = wire.request(target, fields=[(name, SPOOF), (name, SPOOF), ("X-Kept", "yes")])
                        self.assertEqual(response.status, 200)
                        self.assert_not_spoofed(target)
                        self.assertEqual(self.backend.request_for(target).get("x-kept"), "yes")

    def test_what_the_gateway_sets_survives_what_the_client_sends(self) -> None:
        subject = pki().good.field("-subject", "-nameopt", "RFC2253")
        for name in ("X-Client-Subject", "x_client_subject", "X.CLIENT.SUBJECT"):
            target = "/" + self.token()
            with self.gateway.tls(STRICT, pki().good) as wire:
                wire.request(target, fields=[(name, SPOOF)])
            self.assert_not_spoofed(target)
            self.assertEqual(self.backend.request_for(target).get("x-client-subject"), subject)

    def test_I19_a_name_in_connection_removes_no_identity_header(self) -> None:
        subject = pki().good.field("-subject", "-nameopt", "RFC2253")
        for options in (
            "X-Client-Subject",
            "x-client-subject, X-Client-Cert, close",
            "X_Client_Subject",
            "x-forwarded-for",
        ):
            with self.subTest(options):
                target = "/" + self.token()
                with self.gateway.tls(STRICT, pki().good) as wire:
                    fields = [("Connection", options), ("X-Client-Subject", SPOOF)]
                    self.assertEqual(wire.request(target, fields=fields).status, 200)
                request = self.backend.request_for(target)
                self.assert_not_spoofed(target)
                self.assertEqual(request.get("x-client-subject"), subject)
                self.assertIsNotNone(request.get("x-forwarded-for"))

    def test_I19_trailers_carry_none(self) -> None:
        for where, wire in self.openings().items():
            with self.subTest(where), wire:
                target = "/" + self.token()
                trailers = "".join(f"{name}: {SPOOF}\r\n" for name in SPELLINGS)
                wire.send(
                    f"POST {target} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTrailer: X-Client-Cert\r\n"
                    f"\r\n3\r\nabc\r\n0\r\n{trailers}X-Sum: 1\r\n\r\n"
                )
                self.assertEqual(wire.read().status, 200)
                self.assert_not_spoofed(target)
                self.assertEqual(self.backend.request_for(target).trailers, [("X-Sum", "1")])

    def test_near_misses_are_kept(self) -> None:
        target = "/" + self.token()
        with self.gateway.tcp(PLAIN) as wire:
            wire.request(target, fields=[(name, "mine") for name in KEPT])
        request = self.backend.request_for(target)
        for name in KEPT:
            self.assertEqual(request.get(name), "mine")

    def test_what_the_gateway_says_of_itself_cannot_be_forged(self) -> None:
        target = "/" + self.token()
        forged = ("x-forwarded-proto", "x-forwarded-port", "x-original-host", "x-original-url", "x-appgw-trace-id")
        with self.gateway.tcp(PLAIN) as wire:
            wire.request(target, fields=[(name, SPOOF) for name in (*forged, "x-azure-ja4-fingerprint")])
        self.assert_not_spoofed(target)

    def test_request_headers_that_no_backend_reads_alike_are_dropped(self) -> None:
        target = "/" + self.token()
        with self.gateway.tcp(PLAIN) as wire:
            wire.request(target, fields=[("X_Under", "a"), ("X.Dot", "b"), ("X!Bang", "c"), ("X-Dash", "d")])
        names = [name for name in self.backend.request_for(target).names() if name.startswith("x") and len(name) < 8]
        self.assertEqual(names, ["x-dash"])

    def test_a_reload_that_adds_an_identity_header_strips_it_everywhere(self) -> None:
        with Gateway(standard(self.backend.port)) as gateway:
            with gateway.tcp(PLAIN) as wire:
                target = "/" + self.token()
                wire.request(target, fields=[("X-Later", "mine")])
                self.assertEqual(self.backend.request_for(target).get("x-later"), "mine")
                more = standard(self.backend.port).rewrite("later", {"X-Later": "{var_client_certificate}"})
                gateway.reload(more.listener("l", 8001, plain=True).rule("l", "l", rewrite="later"))
                # On a connection that was open before, and on a listener whose rules did not change.
                target = "/" + self.token()
                wire.request(target, fields=[("X-Later", SPOOF)])
                self.assert_not_spoofed(target)


if __name__ == "__main__":
    main()
