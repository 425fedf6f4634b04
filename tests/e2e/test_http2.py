"""HTTP/2 through the same gate and the same forward loop: admission, misdirection, bodies, trailers, limits, drain, abuse.

azure-semantics §4.4, §6.1, §6.5, §7.9, §9.4; mtls-invariants I12, I16, I17.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
import time
from typing import Any

from harness import client, env, http2
from harness.case import GatewayCase, main
from harness.document import NO_PROFILE, PASSTHROUGH, STRICT, STRICT_B, Document, standard
from harness.gateway import Gateway
from harness.http2 import Http2, frame
from harness.http_wire import Closed
from harness.pki import pki
from harness.websocket import WebSocketBackend, text_frame
import test_client_auth
import test_misdirected


def enabled(document: Document) -> Document:
    document.http2()
    return document


class Http2Case(GatewayCase):
    @classmethod
    def document(cls) -> Document:
        return enabled(standard(cls.backend.port))

    def h2(self, port: int = NO_PROFILE, *arguments: Any, **how: Any) -> Http2:
        return Http2(self.gateway.port(port), *arguments, **how)

    def serves(self) -> None:
        """Other connections are served, and at once."""
        before = time.monotonic()
        with self.h2() as other:
            self.assertEqual(other.request("/" + self.token()).status, 200)
        self.assertLess(time.monotonic() - before, env.patience(2))


class Requests(Http2Case):
    def test_a_request_arrives_as_http11_with_its_fields(self) -> None:
        target = "/" + self.token()
        with self.h2() as connection:
            response = connection.request(target + "?q=1", fields=[("cookie", "a=1"), ("x-a", "b"), ("cookie", "b=2")])
        self.assertEqual(response.status, 200, response.text)
        self.assertIsNone(response.get("connection"))
        self.assertEqual([name for name, _ in response.fields if name != name.lower()], [])
        request = self.backend.request_for(target)
        self.assertEqual((request.version, request.get("host"), request.get("cookie")), ("HTTP/1.1", "localhost", "a=1; b=2"))
        self.assertEqual(request.get("x-forwarded-proto"), "https")
        line = self.gateway.access_for(target)
        self.assertEqual(line.properties["httpVersion"], "HTTP/2.0")
        self.assertEqual(line.properties["originalHost"], "localhost")
        self.assertGreater(line.properties["receivedBytes"], 20)
        self.assertGreater(line.properties["sentBytes"], len(response.body))

    def test_bodies_and_trailers_pass_both_ways(self) -> None:
        target = "/" + self.token()
        body = bytes(range(256)) * 2000
        with self.h2() as connection:
            self.assertEqual(connection.request(target + "/length", method="POST", body=body,
                                                fields=[("content-length", str(len(body)))]).status, 200)
            stream = connection.begin(target + "/chunked", method="POST", end=False)
            connection.write(stream, body)
            connection.trailers(stream, [("x-sum", "1")])
            self.assertEqual(connection.wait(stream).status, 200)
            self.assertEqual(len(connection.request("/big?n=3000000").body), 3000000)
            chunked = connection.request("/chunked")
            self.assertEqual(chunked.status, 200)
        self.assertEqual(self.backend.request_for(target + "/length").body, body)
        request = self.backend.request_for(target + "/chunked")
        self.assertEqual((request.body, request.trailers), (body, [("x-sum", "1")]))

    def test_streams_run_side_by_side(self) -> None:
        with self.h2() as connection:
            held = connection.begin("/hold")
            streams = [connection.begin(f"/{number}") for number in range(50)]
            for stream in streams:
                self.assertEqual(connection.wait(stream).status, 200)
            self.assertFalse(connection.streams[held].ended)
            self.backend.release.set()
            connection.wait(held)
            self.backend.release.clear()

    def test_a_reset_stream_ends_its_request_at_the_backend_only(self) -> None:
        target = "/hold/" + self.token()
        with self.h2() as connection:
            stream = connection.begin(target)
            self.backend.request_for(target)
            connection.h2.reset_stream(stream, 8)
            connection.flush()
            line = self.gateway.access_for(target)
            self.assertEqual((line.status, line.error_info), (499, "ERRORINFO_CLIENT_CLOSED_REQUEST"))
            self.assertEqual(connection.request("/after").status, 200)

    def test_a_malformed_request_is_answered_logged_and_reset(self) -> None:
        target = "/" + self.token()
        bad = {
            "upper": [("X-Upper", "1")], "connection": [("connection", "close")], "te": [("te", "gzip")],
            "host": [("host", "other.test")], "late": [("a", "b"), (":path", "/x")], "value": [("a", "b\r\nc: d")],
            "length": [("content-length", "7")],
        }
        with self.h2() as connection:
            for name, fields in bad.items():
                with self.subTest(name):
                    stream = connection.begin(f"{target}/{name}", fields=fields)
                    self.assertEqual(connection.wait(stream).status, 400)
                    self.assertEqual(self.gateway.access_for(f"{target}/{name}").status, 400)
            self.assertEqual(connection.request("/after").status, 200)
        self.assertEqual(self.backend.all_for(target), [])

    def test_the_limits_of_fields(self) -> None:
        with self.h2() as connection:
            self.assertEqual(connection.request("/", fields=[("a", "x" * 8000)]).status, 200)
            self.assertEqual(connection.request("/", fields=[("a", "x" * 8200)]).status, 400)
            self.assertEqual(connection.request("/", fields=[(f"a{i}", "x" * 6000) for i in range(3)]).status, 400)
            self.assertEqual(connection.request("/" + "x" * 8200).status, 414)

    def test_the_thousandth_request_is_the_last(self) -> None:
        with self.h2() as connection:
            for _ in range(1000):
                self.assertEqual(connection.request("/").status, 200)
            self.assertTrue(connection.ends())
            self.assertEqual((connection.goaway, connection.last_stream), (0, 1999))

    def test_a_listener_without_http2_offers_http11_only(self) -> None:
        plain = Gateway(standard(self.backend.port), {}).start()
        try:
            with client.tls(plain.port(NO_PROFILE), context=http2.context()) as wire:
                self.assertEqual(wire.sock.selected_alpn_protocol(), "http/1.1")
                self.assertEqual(wire.request("/").status, 200)
        finally:
            plain.stop()

    def test_tools_of_others(self) -> None:
        port = self.gateway.port(STRICT)
        done = client.curl("--http2", f"https://localhost:{port}/", identity=pki().good)
        self.assertEqual((done.exit_code, done.status), (0, 200), done.error)
        self.assertEqual(str(done.results[-1]["http_version"]), "2")
        if shutil.which("nghttp"):
            url = f"https://localhost:{self.gateway.port(NO_PROFILE)}/"
            done_nghttp = subprocess.run(["nghttp", "-nv", "--no-dep", url, url + "2"], capture_output=True, text=True,
                                         timeout=env.patience(20))
            self.assertIn(":status: 200", done_nghttp.stdout)
        if shutil.which("h2load"):
            url = f"https://localhost:{self.gateway.port(NO_PROFILE)}/"
            load = subprocess.run(["h2load", "-n", "600", "-c", "4", "-m", "20", url], capture_output=True, text=True,
                                  timeout=env.patience(60))
            self.assertIn("600 succeeded, 0 failed", load.stdout)


class Admission(Http2Case):
    def test_strict_admits_and_refuses_by_the_table(self) -> None:
        for kind in test_client_auth.KINDS:
            for version in client.BOTH:
                with self.subTest(kind=kind.name or "none", version=version):
                    target = "/" + self.token()
                    tls = http2.context(kind.identity, version)
                    with self.h2(STRICT, tls=tls) as connection:
                        response = connection.request(target)
                        session = connection.sock.session
                        if not kind.admitted:
                            self.assertTrue(connection.ends())
                            self.assertEqual(connection.goaway, 0)
                    self.assertEqual(response.status, 200 if kind.admitted else 400)
                    with self.h2(STRICT, tls=tls, session=session) as connection:
                        self.assertEqual(connection.request(target).status, response.status)
                    lines = self.gateway.access_where(
                        target, lambda line: target in line.properties["originalRequestUriWithArgs"], 2
                    )
                    for line in lines:
                        self.assertEqual((line.verify, line.own.get("reason", "")), (kind.verify, kind.reason))
                    self.assertEqual(len(self.backend.all_for(target)), 2 if kind.admitted else 0)

    def test_every_stream_of_a_stranger_is_refused(self) -> None:
        with self.h2(STRICT) as connection:
            streams = [connection.begin(f"/{n}") for n in range(3)]
            statuses = []
            for stream in streams:
                try:
                    statuses.append(connection.wait(stream).status)
                except Closed:
                    statuses.append(0)
            self.assertEqual(statuses[0], 400)
            self.assertTrue(set(statuses) <= {400, 0})

    def test_passthrough_proxies_every_kind(self) -> None:
        for kind in test_client_auth.KINDS:
            with self.subTest(kind=kind.name or "none"):
                target = "/" + self.token()
                with self.h2(PASSTHROUGH, kind.identity) as connection:
                    self.assertEqual(connection.request(target).status, 200)
                verify = "PASSTHROUGH" if kind.name else "NONE"
                self.assertEqual(self.gateway.access_for(target).verify, verify)
                self.assertEqual(self.backend.request_for(target).get("x-client-cert-verify"), verify)


class Misdirection(GatewayCase):
    @classmethod
    def document(cls) -> Document:
        return enabled(test_misdirected.Misdirected.document.__func__(cls))  # type: ignore[attr-defined]

    def test_every_sni_against_every_host_on_one_connection(self) -> None:
        expected = test_misdirected.Misdirected.expected
        for identity in (None, pki().good, pki().good_b):
            for sni in (*test_misdirected.SITES, "unknown.test"):
                for host in (*test_misdirected.SITES, "unknown.test"):
                    with self.subTest(sni=sni, host=host, identity=identity and identity.name):
                        status = expected(self, sni, host, identity)  # type: ignore[arg-type]
                        with Http2(self.gateway.port(test_misdirected.HTTPS), identity, sni=sni) as connection:
                            self.assertEqual(connection.request("/", host).status, status)

    def test_a_second_request_that_switches_host_is_checked(self) -> None:
        target = "/" + self.token()
        with Http2(self.gateway.port(test_misdirected.HTTPS), pki().good, sni="a.test") as connection:
            streams = {host: connection.begin(f"{target}/{host}", host) for host in ("a.test", "b.test", "a2.test", "n.test")}
            statuses = {host: connection.wait(stream).status for host, stream in streams.items()}
        self.assertEqual(statuses, {"a.test": 200, "b.test": 421, "a2.test": 200, "n.test": 421})
        self.assertEqual(self.backend.all_for(f"{target}/b.test") + self.backend.all_for(f"{target}/n.test"), [])


class Drain(Http2Case):
    def test_sigterm_lets_streams_finish(self) -> None:
        target = "/hold/" + self.token()
        gateway = Gateway(self.document(), {}).start()
        try:
            with Http2(gateway.port(NO_PROFILE)) as connection:
                stream = connection.begin(target)
                self.backend.request_for(target)
                gateway.signal(signal.SIGTERM)
                while connection.goaway is None or connection.last_stream != 1:
                    connection.receive()
                self.backend.release.set()
                connection.wait(stream)
                self.assertTrue(connection.ends())
            self.assertEqual(gateway.wait(), 0)
        finally:
            self.backend.release.clear()
            gateway.stop()

    def test_a_reload_under_load_loses_no_request(self) -> None:
        stop = threading.Event()
        failures: list[str] = []

        def load() -> None:
            connection = self.h2()
            while not stop.is_set():
                try:
                    streams = [connection.begin("/") for _ in range(5)]
                    failures.extend(f"{r.status}" for r in map(connection.wait, streams) if r.status != 200)
                    if connection.goaway is not None:
                        raise Closed("goaway")
                except Closed as closed:
                    if connection.goaway is None:
                        failures.append(str(closed))
                    connection = self.h2()

        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            self.gateway.reload(self.document())
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])


class Abuse(Http2Case):
    """Each flood is ended, in bounded memory, while other connections are served."""

    def ended(self, piece: bytes, most: int, head: bytes = b"", fault: str = "") -> None:
        self.serves()
        before = self.gateway.rss()
        with self.h2() as connection:
            connection.send(head)
            for _ in range(most):
                if not connection.send(piece):
                    break
            self.serves()
            self.assertTrue(connection.closes())
        self.assertLess(self.gateway.rss() - before, 32 << 20)
        found = self.gateway.wait_for(fault, lambda: [e for e in self.gateway.events("http2.fault") if e["code"] == fault])
        self.assertTrue(found)
        self.serves()

    def test_floods(self) -> None:
        for name, piece, head in (
            ("ping", frame(6, 0, 0, b"12345678"), b""),
            ("settings", frame(4, 0, 0), b""),
            ("priority", frame(2, 0, 1, b"\0\0\0\0x"), b""),
            ("unknown_frame", frame(0x42, 0, 0, b"x"), b""),
            ("empty_frame", frame(0, 0, 1), frame(1, 4, 1, GET)),
            ("window_update", frame(8, 0, 1, b"\0\0\0\x01"), frame(1, 4, 1, GET)),
            ("continuation", frame(9, 0, 1, b"\x88"), frame(1, 1, 1, GET)),
        ):
            with self.subTest(name):
                self.ended(piece * 200, 100, head, f"http2.{name}_flood")

    def test_header_bomb(self) -> None:
        big = b"\x40\x01a\x7f\x81\x1e" + b"x" * 3968  # enters the table; from then on a byte is 4 KB
        self.ended(frame(1, 5, 3, GET + b"\xbe" * 16000), 1, frame(1, 5, 1, GET + big), "http2.header_bomb")

    def test_rapid_reset(self) -> None:
        pairs = b"".join(frame(1, 5, 2 * n + 1, GET) + frame(3, 0, 2 * n + 1, b"\0\0\0\x08") for n in range(900))
        self.ended(pairs, 1, b"", "http2.reset_flood")

    def test_a_client_that_reads_nothing_costs_little(self) -> None:
        before = self.gateway.rss()
        with self.h2() as connection:
            connection.auto_window = False
            for n in range(60):
                connection.begin("/big?n=10000000")
            self.serves()
            self.assertLess(self.gateway.rss() - before, 64 << 20)
        self.serves()

    def test_clients_that_leave_at_every_step(self) -> None:
        target = "/" + self.token()
        steps = [b"", GETS[:5], GETS[:12], GETS, GETS + GETS2, POST, POST + frame(0, 0, 1, b"abc")]
        for step in steps:
            for bytes_of_preface in (0, 10, 24, 40):
                with client.tls(self.gateway.port(NO_PROFILE), context=http2.context()) as wire:
                    wire.try_send((PREFACE + frame(4, 0, 0))[:bytes_of_preface] + (step if bytes_of_preface == 40 else b""))
                    if len(step) % 2:
                        wire.reset()
        with self.h2() as connection:
            connection.begin("/hold" + target)
            connection.begin("/big?n=1000000")
        self.serves()


class WebSockets(GatewayCase):
    """RFC 8441: a tunnel is one stream among others, behind the same gate."""

    sockets: WebSocketBackend

    @classmethod
    def document(cls) -> Document:
        return enabled(standard(cls.sockets.port))

    @classmethod
    def setUpClass(cls) -> None:
        cls.sockets = WebSocketBackend()
        cls.addClassCleanup(cls.sockets.stop)
        super().setUpClass()

    def connect(self, connection: Http2, target: str) -> int:
        pseudo = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":authority", "localhost"),
                  (":path", target)]
        return connection.begin(pseudo=pseudo, fields=[("sec-websocket-version", "13")], end=False)

    def test_messages_pass_both_ways(self) -> None:
        with Http2(self.gateway.port(STRICT), pki().good) as connection:
            streams = [self.connect(connection, f"/echo/{number}") for number in range(3)]
            for number, stream in enumerate(streams):
                connection.write(stream, text_frame(b"hello %d" % number))
            for number, stream in enumerate(streams):
                while len(connection.streams[stream].body) < 9:
                    connection.receive()
                self.assertEqual(dict(connection.streams[stream].fields)[":status"], "200")
                self.assertNotIn("sec-websocket-accept", dict(connection.streams[stream].fields))
                self.assertEqual(connection.streams[stream].body, b"\x81\x07hello %d" % number)
                connection.h2.reset_stream(stream, 8)
            connection.flush()
            line = self.gateway.access_for("/echo/0")
            self.assertEqual((line.properties["httpVersion"], line.verify), ("HTTP/2.0", "SUCCESS"))

    def test_a_stranger_gets_no_tunnel(self) -> None:
        with Http2(self.gateway.port(STRICT)) as connection:
            self.assertEqual(connection.wait(self.connect(connection, "/echo/stranger")).status, 400)
        self.assertNotIn("/echo/stranger", self.sockets.paths)

    def test_a_refusal_passes(self) -> None:
        with Http2(self.gateway.port(NO_PROFILE)) as connection:
            self.assertEqual(connection.wait(self.connect(connection, "/refuse")).status, 403)


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# Static-table forms: :method GET, :scheme https, :path /, :authority localhost (a literal).
GET = b"\x82\x87\x84\x41\x09localhost"
GETS = frame(1, 5, 1, GET)
GETS2 = frame(1, 5, 3, GET)
POST = frame(1, 4, 1, b"\x83\x87\x84\x41\x09localhost")

if __name__ == "__main__":
    main()
