"""What a client may not say to the backend in the gateway's name, and what the gateway may not say to the client in the
backend's: forged trailers, two hosts in one request, a body that looks whole, chunks that lose bytes.

azure-semantics §7.9; RFC 9110 §6.5.1, RFC 9112 §3.2.2 and §9.8; mtls-invariants (identity headers).
"""

from __future__ import annotations

import random
import socket
import ssl

from harness.case import GatewayCase, main
from harness.document import IDENTITY_REWRITE, NO_PROFILE, PLAIN, STRICT
from harness.http_wire import Closed, Wire
from harness.pki import pki

EVIL = "forged-by-the-client"
FORGED = (
    *IDENTITY_REWRITE,
    "X-Original-Host",
    "X-ORIGINAL-URL",
    "X-AppGw-Trace-Id",
    "x-appgw-anything",
    "X-Azure-ClientIP",
    "X-Azure-SocketIP",
    "X-Azure-Ref",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "Host",
    "Authorization",
    "Content-Length",
    "Transfer-Encoding",
    "Connection",
)


class Forged(GatewayCase):
    def post(self, wire: Wire, target: str, body: str, fields: str = "") -> int:
        head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n{fields}\r\n"
        wire.send(head + body)
        return wire.read().status

    def test_forged_trailers_never_reach_the_backend(self) -> None:
        spell = (str, str.lower, str.upper)
        spellings = [spell[number % 3](name) for number, name in enumerate(FORGED)]
        lines = "".join(f"{name}: {EVIL}\r\n" for name in spellings)
        for port in (PLAIN, NO_PROFILE, STRICT):
            with self.subTest(port=port):
                target = "/" + self.token()
                names = ", ".join(FORGED[:6])
                with self.gateway.tcp(port) if port == PLAIN else self.gateway.tls(port, pki().good) as wire:
                    status = self.post(
                        wire, target, "5\r\nhello\r\n0\r\n" + lines + "X-Checksum: abc\r\n\r\n", f"Trailer: {names}\r\n"
                    )
                    self.assertEqual(status, 200)
                    self.assertEqual(wire.request(target + "/next").status, 200, "the framing was kept")
                got = self.backend.request_for(target + "/next")
                self.assertNotIn(EVIL.encode(), got.raw_head)
                got = next(one for one in self.backend.all_for(target) if one.target == target)
                self.assertEqual(got.body, b"hello")
                self.assertNotIn(EVIL.encode(), got.raw_head)
                self.assertEqual([name.lower() for name, _ in got.trailers], ["x-checksum"])

    def test_one_forged_trailer_alone_does_not_either(self) -> None:
        """Not only where there is something else to keep."""
        with self.gateway.tls(STRICT, pki().good) as wire:
            for name in FORGED:
                with self.subTest(name):
                    target = "/" + self.token()
                    self.assertEqual(self.post(wire, target, f"1\r\nx\r\n0\r\n{name}: {EVIL}\r\n\r\n"), 200)
                    got = self.backend.request_for(target)
                    self.assertEqual((got.body, got.trailers), (b"x", []))

    def test_an_absolute_target_names_the_host_everywhere(self) -> None:
        authorities = ("target.test", "target.test:8080", "192.0.2.7:81", "[2001:db8::7]:82")
        for port in (PLAIN, STRICT):
            for authority in authorities:
                with self.subTest(port=port, authority=authority):
                    target = "/" + self.token()
                    with self.gateway.tcp(port) if port == PLAIN else self.gateway.tls(port, pki().good) as wire:
                        wire.send(f"GET http://{authority}{target} HTTP/1.1\r\nHost: {EVIL}\r\n\r\n")
                        self.assertEqual(wire.read().status, 200)
                    got = self.backend.request_for(target)
                    self.assertEqual(got.target, target)
                    self.assertEqual((got.get("host"), got.get("x-original-host")), (authority, authority))
                    self.assertNotIn(EVIL.encode(), got.raw_head)

    def test_many_single_byte_chunks_arrive_complete(self) -> None:
        """By sizes and cuts that put every part of a chunk's frame at the end of what the gateway reads at once."""
        dice = random.Random(77)
        for port in (PLAIN, NO_PROFILE):
            for count in (1, 2, 1000, 70_000):
                with self.subTest(port=port, count=count):
                    target, body = "/" + self.token(), dice.randbytes(count)
                    framed = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\nX-Checksum: abc\r\n\r\n"
                    with self.gateway.tcp(port) if port == PLAIN else self.gateway.tls(port) as wire:
                        wire.send(f"POST {target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
                        at = 0
                        while at < len(framed):
                            size = dice.choice((1, 2, 3, 5, 7)) if count <= 1000 else dice.randrange(1, 60_000)
                            wire.send(framed[at : at + size])
                            at += size
                        self.assertEqual(wire.read().status, 200)
                        self.assertEqual(wire.request(target + "/next").status, 200)
                    got = next(one for one in self.backend.all_for(target) if one.target == target)
                    self.assertEqual(got.body, body)
                    self.assertEqual([name.lower() for name, _ in got.trailers], ["x-checksum"])


class CutShort(GatewayCase):
    """An HTTP/1.0 client takes the end of the connection for the end of the body: only a clean end may say that."""

    def ends_cleanly(self, port: int, target: str, version: str) -> tuple[bool, bytes]:
        """Whether the stream ended as a whole message's does (close_notify; FIN without TLS), and what came before."""
        with self.gateway.tcp(port) if port == PLAIN else self.gateway.tls(port, version=version or None) as wire:
            # The default takes a missing close_notify for an end like any other.
            if isinstance(wire.sock, ssl.SSLSocket):
                wire.sock.suppress_ragged_eofs = False
            wire.send(f"GET {target} HTTP/1.0\r\nHost: x\r\n\r\n")
            try:
                while True:
                    wire.reader.fill()
            except Closed as end:
                return str(end) == "end of stream", bytes(wire.reader.buffer)
            except (OSError, socket.timeout) as end:
                self.fail(repr(end))

    def test_a_backend_that_dies_in_the_body_is_not_a_clean_end(self) -> None:
        for port, version in ((PLAIN, ""), (NO_PROFILE, "1.2"), (NO_PROFILE, "1.3")):
            for by in ("chunked", "length"):
                with self.subTest(port=port, version=version, by=by):
                    target = f"/close-mid-body/{self.token()}?by={by}"
                    clean, got = self.ends_cleanly(port, target, version)
                    self.assertFalse(clean, got)
                    self.assertNotIn(b"Transfer-Encoding", got)

    def test_a_whole_answer_is(self) -> None:
        """The other half of the claim: else the first could not fail."""
        for port, version in ((PLAIN, ""), (NO_PROFILE, "1.2"), (NO_PROFILE, "1.3")):
            for target, end in (("/chunked", b"one two three"), ("/until-close", b"until the end")):
                with self.subTest(port=port, version=version, target=target):
                    clean, got = self.ends_cleanly(port, target, version)
                    self.assertTrue(clean)
                    self.assertTrue(got.endswith(end), got)


if __name__ == "__main__":
    main()
