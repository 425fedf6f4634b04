"""HTTP/1.1 as clients and attackers speak it: what is refused, what is served, and what the backend gets to see.

RFC 9110, RFC 9112; azure-semantics §6.2–6.4, §7.9; mtls-invariants, last paragraph (one strict parser).
"""

from __future__ import annotations

import json
import re

from harness import client
from harness.case import GatewayCase, main
from harness.document import NO_PROFILE, PASSTHROUGH, PLAIN, STRICT
from harness.gateway import LogLine
from harness.http_wire import Closed
from harness.pki import pki

H = "Host: localhost\r\n"
POST = "POST {t} HTTP/1.1\r\n" + H
CHUNKED = POST + "Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"

INVALID, LENGTH, HOST = "ERRORINFO_INVALID_REQUEST", "ERRORINFO_INVALID_CONTENT_LENGTH", "ERRORINFO_INVALID_HOST"
METHOD, VERSION, URI = "ERRORINFO_INVALID_METHOD", "ERRORINFO_INVALID_VERSION", "ERRORINFO_REQUEST_URI_INVALID"

# What is refused before a backend hears of it: name → (bytes, status, error_info). "{t}" is a target of the test's own.
HEADS: dict[str, tuple[str, int, str]] = {
    # Message framing: everything on which two parsers could disagree.
    "CL and TE": (POST + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, INVALID),
    "TE and CL": (POST + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400, INVALID),
    "two CLs": (POST + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400, LENGTH),
    "two equal CLs": (POST + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400, LENGTH),
    "CL list": (POST + "Content-Length: 5, 5\r\n\r\nhello", 400, LENGTH),
    "CL abc": (POST + "Content-Length: abc\r\n\r\n", 400, LENGTH),
    "CL negative": (POST + "Content-Length: -1\r\n\r\n", 400, LENGTH),
    "CL plus": (POST + "Content-Length: +5\r\n\r\nhello", 400, LENGTH),
    "CL empty": (POST + "Content-Length:\r\n\r\n", 400, LENGTH),
    "CL hex": (POST + "Content-Length: 0x5\r\n\r\nhello", 400, LENGTH),
    "CL overflow": (POST + "Content-Length: 18446744073709551621\r\n\r\nhello", 400, LENGTH),
    "CL with space": (POST + "Content-Length: 1 0\r\n\r\n0123456789", 400, LENGTH),
    "TE gzip, chunked": (POST + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, INVALID),
    "TE xchunked": (POST + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, INVALID),
    "TE identity": (POST + "Transfer-Encoding: identity\r\n\r\n", 400, INVALID),
    "TE chunked, identity": (POST + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400, INVALID),
    "TE twice": (POST + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, INVALID),
    "TE with a parameter": (POST + "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", 400, INVALID),
    "TE quoted": (POST + 'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n', 400, INVALID),
    "TE empty": (POST + "Transfer-Encoding:\r\n\r\n", 400, INVALID),
    "TE with vertical tab": (POST + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400, INVALID),
    "TE on HTTP/1.0": ("POST {t} HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, INVALID),
    # Line ends and field syntax.
    "bare LF everywhere": ("GET {t} HTTP/1.1\nHost: localhost\n\n", 400, INVALID),
    "bare LF after a field": ("GET {t} HTTP/1.1\r\nHost: localhost\nX-A: b\r\n\r\n", 400, INVALID),
    "bare LF ends the head": ("GET {t} HTTP/1.1\r\nHost: localhost\r\n\n", 400, INVALID),
    "bare CR in a value": ("GET {t} HTTP/1.1\r\n" + H + "X-A: b\rX-C: d\r\n\r\n", 400, INVALID),
    "bare CR after the line": ("GET {t} HTTP/1.1\rHost: localhost\r\n\r\n", 400, INVALID),
    "obs-fold": ("GET {t} HTTP/1.1\r\n" + H + "X-A: b\r\n c\r\n\r\n", 400, INVALID),
    "obs-fold by tab": ("GET {t} HTTP/1.1\r\n" + H + "X-A: b\r\n\tc\r\n\r\n", 400, INVALID),
    "fold of the first line": ("GET {t} HTTP/1.1\r\n Host: localhost\r\n\r\n", 400, INVALID),
    "space before colon": ("GET {t} HTTP/1.1\r\nHost : localhost\r\n\r\n", 400, INVALID),
    "tab before colon": ("GET {t} HTTP/1.1\r\n" + H + "Content-Length\t: 5\r\n\r\nhello", 400, INVALID),
    "no colon": ("GET {t} HTTP/1.1\r\n" + H + "X-A\r\n\r\n", 400, INVALID),
    "empty name": ("GET {t} HTTP/1.1\r\n" + H + ": b\r\n\r\n", 400, INVALID),
    "NUL in a value": ("GET {t} HTTP/1.1\r\n" + H + "X-A: b\x00c\r\n\r\n", 400, INVALID),
    "NUL in a name": ("GET {t} HTTP/1.1\r\n" + H + "X\x00A: b\r\n\r\n", 400, INVALID),
    "control byte in a value": ("GET {t} HTTP/1.1\r\n" + H + "X-A: b\x01c\r\n\r\n", 400, INVALID),
    "DEL in a value": ("GET {t} HTTP/1.1\r\n" + H + "X-A: b\x7fc\r\n\r\n", 400, INVALID),
    "non-ASCII name": ("GET {t} HTTP/1.1\r\n" + H + "X-\xe9: b\r\n\r\n", 400, INVALID),
    "parenthesis in a name": ("GET {t} HTTP/1.1\r\n" + H + "X(A): b\r\n\r\n", 400, INVALID),
    "two Authorizations": ("GET {t} HTTP/1.1\r\n" + H + "Authorization: a\r\nAuthorization: b\r\n\r\n", 400, INVALID),
    # Host.
    "no Host": ("GET {t} HTTP/1.1\r\nX-A: b\r\n\r\n", 400, "ERRORINFO_HTTP_NO_HOST_HEADER"),
    "two Hosts": ("GET {t} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, HOST),
    "two equal Hosts": ("GET {t} HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, HOST),
    "Host with two ports": ("GET {t} HTTP/1.1\r\nHost: localhost:80:80\r\n\r\n", 400, HOST),
    "Host with a bad port": ("GET {t} HTTP/1.1\r\nHost: localhost:99999\r\n\r\n", 400, HOST),
    "Host with a path": ("GET {t} HTTP/1.1\r\nHost: localhost/x\r\n\r\n", 400, HOST),
    "Host with userinfo": ("GET {t} HTTP/1.1\r\nHost: user@localhost\r\n\r\n", 400, HOST),
    "Host with a space": ("GET {t} HTTP/1.1\r\nHost: a b\r\n\r\n", 400, HOST),
    "Host list": ("GET {t} HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, HOST),
    "Host with percent": ("GET {t} HTTP/1.1\r\nHost: local%68ost\r\n\r\n", 400, HOST),
    "Host empty": ("GET {t} HTTP/1.1\r\nHost:\r\n\r\n", 400, HOST),
    # Request line.
    "version 0.3": ("GET {t} HTTP/0.3\r\n" + H + "\r\n", 400, VERSION),
    "version 1.2": ("GET {t} HTTP/1.2\r\n" + H + "\r\n", 400, VERSION),
    "version 2.0": ("GET {t} HTTP/2.0\r\n" + H + "\r\n", 400, VERSION),
    "version 1.10": ("GET {t} HTTP/1.10\r\n" + H + "\r\n", 400, VERSION),
    "version in lower case": ("GET {t} http/1.1\r\n" + H + "\r\n", 400, VERSION),
    "HTTP/0.9": ("GET {t}\r\n\r\n", 400, "ERRORINFO_INVALID_09_METHOD"),
    "method GET123": ("GET123 {t} HTTP/1.1\r\n" + H + "\r\n", 400, METHOD),
    "method in lower case": ("get {t} HTTP/1.1\r\n" + H + "\r\n", 400, METHOD),
    "no method": (" {t} HTTP/1.1\r\n" + H + "\r\n", 400, INVALID),
    "two spaces": ("GET  {t} HTTP/1.1\r\n" + H + "\r\n", 400, INVALID),
    "space in the target": ("GET {t} x HTTP/1.1\r\n" + H + "\r\n", 400, VERSION),
    "HTTP/2 preface": ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, VERSION),
    "TLS on a plain port": ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, INVALID),
    "binary": ("\x00\x01\x02\x03\r\n\r\n", 400, INVALID),
    "TRACE": ("TRACE {t} HTTP/1.1\r\n" + H + "\r\n", 405, "ERRORINFO_INVALID_METHOD_TRACE"),
    "CONNECT": ("CONNECT localhost:80 HTTP/1.1\r\n" + H + "\r\n", 405, METHOD),
    # Target.
    "percent 00": ("GET {t}/%00 HTTP/1.1\r\n" + H + "\r\n", 400, URI),
    "bad escape": ("GET {t}/%zz HTTP/1.1\r\n" + H + "\r\n", 400, URI),
    "cut escape": ("GET {t}/%2 HTTP/1.1\r\n" + H + "\r\n", 400, URI),
    "backslash": ("GET {t}\\x HTTP/1.1\r\n" + H + "\r\n", 400, URI),
    "fragment": ("GET {t}#x HTTP/1.1\r\n" + H + "\r\n", 400, URI),
    "non-ASCII target": ("GET {t}/\xe9 HTTP/1.1\r\n" + H + "\r\n", 400, URI),
    "NUL in the target": ("GET {t}/\x00 HTTP/1.1\r\n" + H + "\r\n", 400, URI),
    "asterisk for GET": ("GET * HTTP/1.1\r\n" + H + "\r\n", 400, URI),
    "no leading slash": ("GET x{t} HTTP/1.1\r\n" + H + "\r\n", 400, URI),
    "other scheme": ("GET ftp://localhost{t} HTTP/1.1\r\n" + H + "\r\n", 400, URI),
    "userinfo in the target": ("GET http://user@localhost{t} HTTP/1.1\r\n" + H + "\r\n", 400, URI),
    # Sizes and expectations.
    "unknown expectation": (POST + "Expect: a-miracle\r\nContent-Length: 5\r\n\r\nhello", 417, INVALID),
    "target over 32 KB": ("GET {t}" + "x" * 32768 + " HTTP/1.1\r\n" + H + "\r\n", 414, URI),
    "headers over 32 KB": ("GET {t} HTTP/1.1\r\n" + H + "X-A: " + "a" * 32768 + "\r\n\r\n", 400, INVALID),
    "many headers": ("GET {t} HTTP/1.1\r\n" + H + "".join(f"X-{n}: a\r\n" for n in range(4000)) + "\r\n", 400, INVALID),
}

# Refused for what they say, not for how they are framed: where the next request begins is known, and it is served.
IN_STEP = {"TRACE", "CONNECT", "percent 00", "bad escape", "cut escape", "backslash", "fragment", "asterisk for GET"}
IN_STEP |= {"no leading slash", "other scheme", "userinfo in the target"}

# Bodies that go wrong after a head that was fine: the gateway may have begun to forward by then.
CHUNKS = {
    "not hex": "g\r\nhello\r\n0\r\n\r\n",
    "negative": "-5\r\nhello\r\n0\r\n\r\n",
    "0x": "0x5\r\nhello\r\n0\r\n\r\n",
    "leading space": " 5\r\nhello\r\n0\r\n\r\n",
    "trailing space": "5 \r\nhello\r\n0\r\n\r\n",
    "empty size": "\r\nhello\r\n0\r\n\r\n",
    "17 digits": "00000000000000005\r\nhello\r\n0\r\n\r\n",
    "overflow": "ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "bare LF after the size": "5\nhello\r\n0\r\n\r\n",
    "bare CR in the size line": "5\rhello\r\n0\r\n\r\n",
    "no CRLF after the data": "5\r\nhelloX\r\n0\r\n\r\n",
    "bare LF after the data": "5\r\nhello\n0\r\n\r\n",
    "NUL in an extension": "5;a=\x00\r\nhello\r\n0\r\n\r\n",
    "bare LF in the trailers": "5\r\nhello\r\n0\r\nX-T: a\n\r\n",
    "bad trailer name": "5\r\nhello\r\n0\r\nX T: a\r\n\r\n",
    "folded trailer": "5\r\nhello\r\n0\r\nX-T: a\r\n b\r\n\r\n",
    "huge extension": "5;" + "a" * 40000 + "\r\nhello\r\n0\r\n\r\n",
    "huge trailers": "5\r\nhello\r\n0\r\n" + "X-T: " + "a" * 40000 + "\r\n\r\n",
}

PATHS = {
    "/a/./b": "/a/b",
    "/a/b/.": "/a/b/",
    "/a/../b": "/b",
    "/a/b/..": "/a/",
    "/../../etc": "/etc",
    "/%2e%2e/x": "/x",
    "/a/%2E%2E/b": "/b",
    "/a/.%2e/b": "/b",
    "/%7Euser": "/~user",
    "/%41%62c": "/Abc",
    "/a%2Fb": "/a%2Fb",
    "/a%2fb": "/a%2Fb",
    "/a/..%2f..%2fetc": "/a/..%2F..%2Fetc",
    "/%c3%a9": "/%C3%A9",
    "/a//b": "/a//b",
    "//a": "//a",
    "/a|b": "/a%7Cb",
    "/a%20b": "/a%20b",
    "/a%5c..%5cb": "/a%5C..%5Cb",
    "/...": "/...",
    "/a?x=/../y": "/a?x=/../y",
    "/a?x=%2e%2e&y=%zz": "/a?x=%2e%2e&y=%zz",
    "/a?": "/a?",
}


class Refusals(GatewayCase):
    def records_of(self, client_port: int, known: int) -> list[LogLine]:
        """The records of one connection, which came after the `known` first ones (ports are used again)."""

        def found() -> list[LogLine]:
            self.gateway.nudge()
            return [line for line in self.gateway.access()[known:] if line.properties["clientPort"] == client_port]

        return self.gateway.wait_for("the connection's access-log record", found)

    def assert_refused(self, name: str, raw: str, status: int, info: str, port: int) -> None:
        target = "/" + self.token()
        data = raw.replace("{t}", target, 1).encode("latin-1")
        before = len(self.backend.requests)
        wire = self.gateway.tcp(port) if port == PLAIN else self.gateway.tls(port, pki().good)
        with wire:
            mine, known = wire.sock.getsockname()[1], len(self.gateway.access())
            wire.try_send(data if name in IN_STEP else data + SMUGGLED.encode())
            response = wire.read()
            self.assertEqual(response.status, status, response.text)
            self.assertEqual(response.get("server"), "Portcullis")
            if name in ("headers over 32 KB", "many headers"):
                self.assert_bad_request(response, "Request Header Or Cookie Too Large")
            else:
                self.assert_plain_page(response, status, response.reason)
            self.assertEqual(len(self.backend.requests), before, "a refused request reached the backend")
            if name in IN_STEP:
                self.assertEqual(wire.request().status, 200)
            else:
                self.assertEqual(response.get("connection"), "close")
                self.assertTrue(wire.ends(), "the connection goes on after a refusal")
        found = self.records_of(mine, known)
        self.assertEqual((found[0].status, found[0].error_info), (status, info))
        self.assertNotEqual(found[0].reason, "")
        if name not in IN_STEP:
            self.assertEqual(len(found), 1)
            self.assertEqual(len(self.backend.requests), before, "a refused request reached the backend")

    def test_malformed_heads_are_refused_and_the_connection_ends(self) -> None:
        for name, (raw, status, info) in HEADS.items():
            with self.subTest(name):
                self.assert_refused(name, raw, status, info, PLAIN)

    def test_the_same_over_tls_with_a_good_certificate(self) -> None:
        for name, (raw, status, info) in HEADS.items():
            if name != "TLS on a plain port":
                with self.subTest(name):
                    self.assert_refused(name, raw, status, info, STRICT)

    def test_a_stranger_hears_of_the_certificate_first_whatever_it_sends(self) -> None:
        for name in (
            "two CLs",
            "bare LF everywhere",
            "no Host",
            "TRACE",
            "percent 00",
            "target over 32 KB",
            "version 2.0",
        ):
            with self.subTest(name):
                with self.gateway.tls(STRICT) as wire:
                    wire.try_send(HEADS[name][0].replace("{t}", "/x").encode("latin-1"))
                    self.assert_no_certificate(wire.read())

    def test_malformed_heads_are_refused_byte_by_byte_too(self) -> None:
        for name in ("CL and TE", "bare LF after a field", "obs-fold", "space before colon", "two Hosts", "HTTP/0.9"):
            with self.subTest(name):
                raw, status, _ = HEADS[name]
                with self.gateway.tcp(PLAIN) as wire:
                    wire.sock.setsockopt(client.socket.IPPROTO_TCP, client.socket.TCP_NODELAY, 1)
                    for byte in raw.replace("{t}", "/x").encode("latin-1"):
                        if not wire.try_send(bytes([byte])):
                            break
                    self.assertEqual(wire.read().status, status)

    def test_malformed_chunks_never_become_a_whole_request(self) -> None:
        for name, chunks in CHUNKS.items():
            with self.subTest(name):
                target = "/" + self.token()
                with self.gateway.tcp(PLAIN) as wire:
                    wire.try_send((CHUNKED.replace("{t}", target) + chunks + SMUGGLED).encode("latin-1"))
                    response = wire.read()
                    self.assertEqual(response.status, 400, response.text)
                    self.assertTrue(wire.ends())
                # The backend parses strictly: it records whole requests only.
                line = self.gateway.access_for(target)
                self.assertEqual(line.status, 400)
                self.assertEqual(self.backend.all_for(target), [])
        self.assertEqual(self.backend.all_for("/smuggled"), [])

    def test_plain_http_on_an_https_port(self) -> None:
        for port in (STRICT, PASSTHROUGH, NO_PROFILE):
            for raw in ("GET {t} HTTP/1.1\r\nHost: x\r\n\r\n", "POST {t} HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc"):
                with self.subTest(port=port, raw=raw[:4]):
                    with self.gateway.tcp(port) as wire:
                        mine, known = wire.sock.getsockname()[1], len(self.gateway.access())
                        wire.send(raw.replace("{t}", "/" + self.token()))
                        self.assert_bad_request(wire.read(), "The plain HTTP request was sent to HTTPS port")
                        self.assertTrue(wire.ends())
                    found = self.records_of(mine, known)
                    self.assertEqual(found[0].error_info, "ERRORINFO_HTTP_TO_HTTPS_PORT")
                    self.assertEqual(found[0].status, 400)
        run = client.curl(f"http://localhost:{self.gateway.port(STRICT)}/")
        self.assertEqual(run.status, 400)
        self.assertIn("<title>400 The plain HTTP request was sent to HTTPS port</title>", run.body)

    def test_garbage_on_an_https_port_ends_the_connection(self) -> None:
        for raw in (
            b"\x00\x00\x00\x00\x00\x00",
            b"\x16\x03\x01\x00\x02\xff\xff",
            b"SSH-2.0-x\r\n",
            b"\x80\x2e\x01\x00\x02",
        ):
            with self.subTest(raw):
                with self.gateway.tcp(STRICT) as wire:
                    wire.send(raw + bytes(64))
                    wire.sock.shutdown(client.socket.SHUT_WR)
                    try:
                        while wire.sock.recv(4096):
                            pass
                    except ConnectionError:
                        pass


class Serving(GatewayCase):
    def plain(self) -> client.Wire:
        return self.gateway.tcp(PLAIN)

    def test_paths_have_one_form(self) -> None:
        with self.plain() as wire:
            for given, forwarded in PATHS.items():
                with self.subTest(given):
                    response = wire.request(given)
                    self.assertEqual(self.echoed(response)["target"], forwarded)
                    line = self.gateway.access_where(
                        given, lambda line, given=given: line.properties["originalRequestUriWithArgs"] == given
                    )[0]
                    self.assertEqual(line.properties["requestUri"].split("?")[0], forwarded.split("?")[0])

    def test_an_absolute_target_is_forwarded_in_origin_form(self) -> None:
        with self.plain() as wire:
            wire.send("GET HTTP://Other.Test:8080/a/../b?c HTTP/1.1\r\nHost: localhost\r\n\r\n")
            seen = self.echoed(wire.read())
        self.assertEqual(seen["target"], "/b?c")
        self.assertEqual(dict(seen["headers"])["Host"].lower(), "other.test:8080")

    def test_options_asterisk(self) -> None:
        with self.plain() as wire:
            response = wire.request("*", method="OPTIONS")
        self.assertEqual(self.echoed(response)["target"], "*")

    def test_the_limits_are_where_they_say(self) -> None:
        target = "/" + self.token()
        with self.plain() as wire:
            self.assertEqual(wire.request(target + "x" * (32768 - len(target))).status, 200)
        with self.plain() as wire:
            fixed = len("Host: localhost\r\nX-A: \r\n\r\n")
            self.assertEqual(wire.request(target, fields=[("X-A", "a" * (32768 - fixed))]).status, 200)

    def test_bodies_by_length_and_chunked_arrive_whole(self) -> None:
        for size in (0, 1, 5, 16384, 65537, 1_000_000):
            data = bytes(range(256)) * (size // 256 + 1)
            data = data[:size]
            for version, port in (("plain", PLAIN), ("tls", STRICT)):
                with self.subTest(size=size, over=version):
                    target = "/" + self.token()
                    wire = self.plain() if port == PLAIN else self.gateway.tls(port, pki().good)
                    with wire:
                        response = wire.request(f"{target}/length", method="POST", body=data)
                        self.assertEqual(self.echoed(response)["body_length"], size)
                        wire.send(CHUNKED.replace("{t}", f"{target}/chunked"))
                        for at in range(0, size, 10_000):
                            part = data[at : at + 10_000]
                            wire.send(b"%X;ignored=1\r\n%s\r\n" % (len(part), part))
                        wire.send("0\r\n\r\n")
                        self.assertEqual(self.echoed(wire.read())["body_length"], size)
                    for kind in ("length", "chunked"):
                        self.assertEqual(self.backend.request_for(f"{target}/{kind}").body, data)
                    chunked = self.backend.request_for(f"{target}/chunked")
                    self.assertEqual(chunked.get("transfer-encoding"), "chunked")
                    self.assertIsNone(chunked.get("content-length"))

    def test_trailers_pass_both_ways(self) -> None:
        target = "/chunked/" + self.token()
        with self.plain() as wire:
            wire.send(
                CHUNKED.replace("{t}", target) + "5\r\nhello\r\n0\r\nX-Sum: 12\r\nContent-Length: 9\r\nHost: x\r\n\r\n"
            )
            response = wire.read()
            self.assertEqual(response.body, b"one two three")
            self.assertEqual(response.trailers, [("X-Checksum", "abc")])
            self.assertEqual(wire.request().status, 200, "the connection goes on")
        request = self.backend.request_for(target)
        self.assertEqual(request.body, b"hello")
        self.assertEqual(request.trailers, [("X-Sum", "12")], "framing and routing fields are no trailers")

    def test_100_continue(self) -> None:
        target = "/" + self.token()
        with self.plain() as wire:
            wire.send(POST.replace("{t}", target) + "Content-Length: 5\r\nExpect: 100-Continue\r\n\r\n")
            line, _, _ = wire.reader.head()
            self.assertEqual(line, "HTTP/1.1 100 Continue")
            wire.send("hello")
            self.assertEqual(self.echoed(wire.read())["body_length"], 5)
            self.assertEqual(wire.request().status, 200)
        # A client that does not wait gets its answer too, and one that sends no body is not asked for it.
        with self.plain() as wire:
            wire.send(POST.replace("{t}", target + "/2") + "Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello")
            self.assertEqual(self.echoed(wire.read())["body_length"], 5)
            wire.send("GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n")
            self.assertEqual(wire.read().status, 200)
        run = client.curl(
            *(
                "-H",
                "Expect: 100-continue",
                "--data-binary",
                "x" * 2000,
                f"http://localhost:{self.gateway.port(PLAIN)}/",
            )
        )
        self.assertEqual((run.exit_code, run.status), (0, 200), run.error)

    def test_no_100_for_http_10(self) -> None:
        with self.plain() as wire:
            wire.send("POST / HTTP/1.0\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello")
            response = wire.read()
        self.assertEqual((response.status, response.interim), (200, []))

    def test_pipelined_requests_are_answered_in_order(self) -> None:
        target = "/" + self.token()
        for version, port in (("plain", PLAIN), ("tls", STRICT)):
            with self.subTest(over=version):
                wire = self.plain() if port == PLAIN else self.gateway.tls(port, pki().good)
                with wire:
                    batch = b""
                    for turn in range(20):
                        body = b"b" * turn
                        head = f"POST {target}/{version}/{turn} HTTP/1.1\r\n{H}Content-Length: {turn}\r\n\r\n"
                        batch += head.encode() + body
                    wire.send(batch)
                    for turn in range(20):
                        seen = self.echoed(wire.read())
                        self.assertEqual((seen["target"], seen["body_length"]), (f"{target}/{version}/{turn}", turn))

    def test_a_pipelined_request_after_a_refused_one_is_not_served(self) -> None:
        target = "/" + self.token()
        with self.plain() as wire:
            wire.send(
                f"GET {target}/1 HTTP/1.1\r\n{H}\r\nGET {target}/2 HTTP/1.1\r\n\r\nGET {target}/3 HTTP/1.1\r\n{H}\r\n"
            )
            self.assertEqual([wire.read().status, wire.read().status], [200, 400])
            self.assertTrue(wire.ends())
        self.assertEqual(len(self.backend.all_for(target)), 1)

    def test_head_has_the_headers_and_no_body(self) -> None:
        with self.plain() as wire:
            for path in ("/", "/big?n=500000", "/chunked", "/status/404"):
                with self.subTest(path):
                    response = wire.request(path, method="HEAD")
                    self.assertEqual(response.body, b"")
                    self.assertEqual(wire.request("/x").status, 200, "the stream is still in step")
            self.assertEqual(wire.request("/big?n=500000", method="HEAD").get("content-length"), "500000")
        with self.gateway.tls(STRICT) as wire:
            response = wire.request("/", method="HEAD")
            self.assertEqual((response.status, response.body), (400, b""))
            self.assertTrue(wire.ends(), "a page after HEAD")

    def test_answers_without_a_body(self) -> None:
        with self.plain() as wire:
            for status in (204, 304):
                response = wire.request(f"/status/{status}")
                self.assertEqual(response.status, status)
                self.assertIsNone(response.get("transfer-encoding"))
            self.assertEqual(wire.request().status, 200)

    def test_a_connection_is_kept_and_closed_as_the_client_asks(self) -> None:
        with self.plain() as wire:
            for _ in range(50):
                self.assertEqual(wire.request().status, 200)
            response = wire.request(fields=[("Connection", "close")])
            self.assertEqual(response.get("connection"), "close")
            self.assertTrue(wire.ends())
        with self.plain() as wire:
            wire.send("GET / HTTP/1.0\r\nHost: x\r\n\r\n")
            self.assertEqual(wire.read().status, 200)
            self.assertTrue(wire.ends())
        with self.plain() as wire:
            for _ in range(2):
                wire.send("GET / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n")
                response = wire.read()
                self.assertEqual(response.get("connection").lower(), "keep-alive")

    def test_an_answer_that_ends_with_its_connection_is_framed_for_the_client(self) -> None:
        with self.plain() as wire:
            response = wire.request("/until-close")
            self.assertEqual((response.body, response.get("transfer-encoding")), (b"until the end", "chunked"))
            self.assertEqual(wire.request().status, 200, "the client's connection goes on")
        with self.plain() as wire:
            wire.send("GET /until-close HTTP/1.0\r\nHost: x\r\n\r\n")
            response = wire.read()
            self.assertTrue(response.until_close)
            self.assertEqual(response.body, b"until the end")

    def test_http_10_without_a_host_is_for_the_basic_listener(self) -> None:
        with self.plain() as wire:
            wire.send("GET /x HTTP/1.0\r\n\r\n")
            self.assertEqual(wire.read().status, 200)

    def test_chunked_answers_are_unframed_for_http_10(self) -> None:
        with self.plain() as wire:
            wire.send("GET /chunked HTTP/1.0\r\nHost: x\r\n\r\n")
            response = wire.read()
        self.assertEqual(response.body, b"one two three")
        self.assertIsNone(response.get("transfer-encoding"))

    def test_big_answers_arrive_whole(self) -> None:
        size = 30_000_000
        for port in (PLAIN, NO_PROFILE):
            wire = self.gateway.tcp(port, timeout=60) if port == PLAIN else self.gateway.tls(port, timeout=60)
            with wire:
                body = wire.request(f"/big?n={size}").body
            self.assertEqual(len(body), size)
            self.assertEqual(body[:16], b"0123456789abcdef")
            self.assertEqual(body, (b"0123456789abcdef" * (size // 16 + 1))[:size])

    def test_a_slow_reader_gets_everything(self) -> None:
        size = 1_000_000
        with self.gateway.tls(NO_PROFILE) as wire:
            wire.sock.setsockopt(client.socket.SOL_SOCKET, client.socket.SO_RCVBUF, 32768)
            wire.send(f"GET /big?n={size} HTTP/1.1\r\nHost: x\r\n\r\n")
            _, fields, _ = wire.reader.head()
            received = len(wire.reader.buffer)
            while received < size:
                received += len(wire.sock.recv(4000))
            self.assertEqual(received, size)

    def test_an_empty_line_before_a_request_is_forgiven(self) -> None:
        with self.plain() as wire:
            wire.send("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(wire.read().status, 200)

    def test_a_head_in_single_bytes_is_served(self) -> None:
        with self.gateway.tls(STRICT, pki().good) as wire:
            for (
                byte
            ) in b"POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n":
                wire.send(bytes([byte]))
            self.assertEqual(self.echoed(wire.read())["body_length"], 3)

    def test_methods_pass_through(self) -> None:
        with self.plain() as wire:
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "M-SEARCH"):
                self.assertEqual(self.echoed(wire.request(method=method))["method"], method)

    def test_hop_by_hop_fields_stay_behind(self) -> None:
        target = "/headers/" + self.token()
        fields = [
            ("Connection", "X-Mine, keep-alive, X-Absent"),
            ("X-Mine", "secret"),
            ("Keep-Alive", "timeout=1"),
            ("Proxy-Connection", "keep-alive"),
            ("TE", "trailers"),
            ("Upgrade", "h2c"),
            ("HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA"),
            ("Proxy-Authorization", "Basic eA=="),
            ("X-Kept", "yes"),
        ]
        with self.plain() as wire:
            response = wire.request(target, fields=fields)
        names = self.backend.request_for(target).names()
        self.assertIn("x-kept", names)
        gone = {"x-mine", "keep-alive", "proxy-connection", "te", "upgrade", "http2-settings", "proxy-authorization"}
        self.assertEqual(gone & set(names), set())
        self.assertIsNone(response.get("x-private"))
        self.assertIsNone(response.get("keep-alive"))
        self.assertEqual([v for n, v in response.fields if n.lower() == "set-cookie"], ["a=1", "b=2"])

    def test_a_client_that_goes_on_sending_after_an_early_answer_is_not_left_hanging(self) -> None:
        with self.plain() as wire:
            wire.send(POST.replace("{t}", "/early") + "Content-Length: 50000000\r\n\r\n")
            block = b"x" * 65536
            for _ in range(200):
                if not wire.try_send(block):
                    break
            try:
                self.assertEqual(wire.read().status, 413)
            except Closed as error:
                self.fail(f"no answer before the connection ended: {error}")

    def test_the_dates_and_names_of_gateway_pages_are_plain(self) -> None:
        with self.gateway.tls(STRICT) as wire:
            response = wire.request()
        self.assertEqual(response.get("content-length"), str(len(response.body)))
        self.assertNotRegex(json.dumps(response.fields), re.compile("nginx|azure|openssl", re.I))
        self.assertLess(len(response.fields), 8)


if __name__ == "__main__":
    main()
