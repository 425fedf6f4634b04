"""What happens between an admitted request and its backend: headers, rewrites, balancing, retries, 502 and 504.

azure-semantics §2.2, §6.2–6.3, §7.1, §7.4–7.7.
"""

from __future__ import annotations

import json
import re
import threading
import time
import unittest
from collections import Counter

from harness import client, env
from harness.backend import Backend, Nginx
from harness.case import GatewayCase, main
from harness.document import NO_PROFILE, PASSTHROUGH, PLAIN, STRICT, Document, standard
from harness.gateway import Gateway
from harness.pki import pki

REQUEST_VARIABLES = (
    "add_x_forwarded_for_proxy ciphers_supported ciphers_used client_tcp_rtt received_bytes client_ip client_port client_user host cookie_color http_method http_version "
    "query_string request_query request_scheme request_uri server_port ssl_connection_protocol ssl_enabled uri_path"
).split()


class Headers(GatewayCase):
    @classmethod
    def document(cls) -> Document:
        made = standard(cls.backend.port)
        made.rewrite(
            "many",
            {
                **{f"V-{name.replace('_', '-')}": "{var_" + name + "}" for name in REQUEST_VARIABLES},
                "X-Fixed": "as it stands",
                "X-Text": "a {http_req_X-In} b",
                "X-Gone": "",
                "X-Replaced": "new",
            },
            {
                "X-Status": "{var_http_status}",
                "X-Seen": "{http_resp_X-Powered-By}",
                "X-Powered-By": "",
                "Strict-Transport-Security": "max-age=31536000",
                "Server": "mine",
            },
        )
        made.settings("named", cls.backend.port, hostName="backend.internal")
        made.settings("picked", cls.backend.port, pickHostNameFromBackendAddress=True)
        made.listener("many", 8000, plain=True).rule("many", "many", rewrite="many")
        made.listener("many-tls", 8443, "strict").rule("many-tls", "many-tls", rewrite="many")
        made.listener("named", 8001, plain=True).rule("named", "named", settings="named")
        made.pool("byname", "localhost")
        made.listener("picked", 8002, plain=True).rule("picked", "picked", pool="byname", settings="picked")
        made.rewrite("host", {"Host": "rewritten.test"})
        return made.listener("host", 8003, plain=True).rule("host", "host", rewrite="host")

    def test_the_six_headers_of_the_gateway(self) -> None:
        for port, scheme in ((PLAIN, "http"), (STRICT, "https"), (PASSTHROUGH, "https")):
            with self.subTest(port=port):
                target = f"/{self.token()}/../a%2fb?q=1"
                wire = self.gateway.tcp(port) if scheme == "http" else self.gateway.tls(port, pki().good)
                with wire:
                    source = wire.sock.getsockname()[1]
                    seen = self.echoed(wire.request(target, "Shop.Test:1234"))
                headers = {name.lower(): value for name, value in seen["headers"]}
                self.assertEqual(headers["x-forwarded-for"], f"127.0.0.1:{source}")
                self.assertEqual(headers["x-forwarded-proto"], scheme)
                self.assertEqual(headers["x-forwarded-port"], str(port), "the document's port, not the local one")
                self.assertEqual(headers["x-original-host"], "Shop.Test:1234")
                self.assertEqual(headers["x-original-url"], target)
                self.assertRegex(headers["x-appgw-trace-id"], r"^[0-9a-z]{32}$")
                self.assertEqual(headers["host"], "Shop.Test:1234")
                line = self.gateway.access_where(
                    target, lambda line, t=target: line.properties["originalRequestUriWithArgs"] == t
                )[0]
                self.assertEqual(line.properties["transactionId"], headers["x-appgw-trace-id"])

    def test_forwarded_for_is_appended_to(self) -> None:
        with self.gateway.tcp(PLAIN) as wire:
            source = wire.sock.getsockname()[1]
            seen = self.echoed(
                wire.request(fields=[("X-Forwarded-For", "10.0.0.1:1"), ("X-Forwarded-For", "10.0.0.2")])
            )
        values = [value for name, value in seen["headers"] if name.lower() == "x-forwarded-for"]
        self.assertEqual(values, [f"10.0.0.1:1, 10.0.0.2, 127.0.0.1:{source}"])

    def test_no_certificate_header_is_added_without_a_rewrite(self) -> None:
        with self.gateway.tcp(8001) as wire:
            seen = self.echoed(wire.request())
        allowed = {
            "host",
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-port",
            "x-original-host",
            "x-original-url",
        }
        self.assertEqual({name.lower() for name, _ in seen["headers"]} - {"x-appgw-trace-id", "connection"}, allowed)

    def test_request_rewrites_and_their_variables(self) -> None:
        fields = [
            ("X-In", "mid"),
            ("X-Gone", "x"),
            ("X-Replaced", "1"),
            ("X-Replaced", "2"),
            ("Cookie", "a=b; color=red"),
        ]
        fields += [("X-Forwarded-For", "10.1.1.1"), ("Authorization", "Basic dXNlcjpwYXNz")]
        with self.gateway.tcp(8000) as wire:
            source = wire.sock.getsockname()[1]
            seen = self.echoed(wire.request("/p/../path?x=1&y", "Shop.test:99", "PUT", fields))
        headers = {name.lower(): value for name, value in seen["headers"]}
        expected = {
            "v-add-x-forwarded-for-proxy": "10.1.1.1, 127.0.0.1",
            "v-ciphers-used": None,
            "v-client-ip": "127.0.0.1",
            "v-client-port": str(source),
            "v-client-user": "user",
            "v-host": "shop.test",
            "v-cookie-color": "red",
            "v-http-method": "PUT",
            "v-http-version": "HTTP/1.1",
            "v-query-string": "x=1&y",
            "v-request-query": "x=1&y",
            "v-request-scheme": "http",
            "v-request-uri": "/p/../path?x=1&y",
            "v-server-port": "8000",
            "v-ssl-connection-protocol": None,
            "v-ssl-enabled": None,
            "v-uri-path": "/path",
            "x-fixed": "as it stands",
            "x-text": "a mid b",
            "x-gone": None,
            "x-replaced": "new",
        }
        self.assertEqual({name: headers.get(name) for name in expected}, expected)

    def test_variables_of_a_tls_connection(self) -> None:
        for version in client.BOTH:
            with self.gateway.tls(8443, pki().good, version) as wire:
                cipher = wire.sock.cipher()[0]
                headers = {name.lower(): value for name, value in self.echoed(wire.request())["headers"]}
            self.assertEqual(headers["v-ssl-connection-protocol"], f"TLSv{version}")
            self.assertEqual(headers["v-ciphers-used"], cipher)
            self.assertEqual(headers["v-ssl-enabled"], "On")
            self.assertEqual(headers["v-request-scheme"], "https")
            self.assertIn(cipher, headers["v-ciphers-supported"].split(":"))
            self.assertTrue(headers["v-client-tcp-rtt"].isdigit())
            self.assertTrue(headers["v-received-bytes"].isdigit())

    def test_response_rewrites(self) -> None:
        with self.gateway.tcp(8000) as wire:
            response = wire.request("/headers")
        self.assertEqual(response.get("x-status"), "200")
        self.assertEqual(response.get("x-seen"), "Python")
        self.assertIsNone(response.get("x-powered-by"))
        self.assertEqual(response.get("strict-transport-security"), "max-age=31536000")
        self.assertEqual(response.get("server"), "mine")
        self.assertEqual([v for n, v in response.fields if n == "Set-Cookie"], ["a=1", "b=2"])

    def test_rewrites_do_not_touch_pages_of_the_gateway(self) -> None:
        with self.gateway.tls(8443) as wire:
            response = wire.request()
        self.assert_no_certificate(response)
        self.assertIsNone(response.get("x-status"))

    def test_a_rewritten_value_cannot_inject(self) -> None:
        with self.gateway.tcp(8000) as wire:
            seen = self.echoed(wire.request("/%0d%0aX-Evil:%20yes?a%0d%0aX-Evil:1"))
            names = [name.lower() for name, _ in seen["headers"]]
            self.assertNotIn("x-evil", names)

    def test_the_host_that_the_backend_sees(self) -> None:
        for port, host in (
            (PLAIN, "client.test:1"),
            (8001, "backend.internal"),
            (8002, "localhost"),
            (8003, "rewritten.test"),
        ):
            with self.subTest(port=port):
                target = "/" + self.token()
                with self.gateway.tcp(port) as wire:
                    self.assertEqual(wire.request(target, "client.test:1").status, 200)
                self.assertEqual(self.backend.request_for(target).get("host"), host)
                properties = self.gateway.access_for(target).properties
                self.assertEqual((properties["originalHost"], properties["host"]), ("client.test:1", host))

    def test_backend_answers_pass_unmodified(self) -> None:
        with self.gateway.tcp(PLAIN) as wire:
            for status in (201, 301, 400, 403, 404, 500, 502, 503):
                response = wire.request(f"/status/{status}")
                self.assertEqual((response.status, response.body), (status, b"status body"))


class Balancing(GatewayCase):
    ADDRESSES = ("127.0.0.1", "127.0.0.2", "127.0.0.3")

    @classmethod
    def setUpClass(cls) -> None:
        port = env.free_port((*cls.ADDRESSES, "127.0.0.4"))
        cls.backends = [Backend(address, port) for address in cls.ADDRESSES]
        for backend in cls.backends:
            cls.addClassCleanup(backend.stop)
        dead = env.free_port()
        made = (
            Document()
            .settings("http", port, timeout=2)
            .settings("dead", dead, timeout=2)
            .pool("three", *cls.ADDRESSES)
            .pool("one", "127.0.0.1")
            .pool("half-dead", "127.0.0.4", "127.0.0.2")  # nobody listens on .4
            .pool("empty")
            .pool("unknown-name", "no-such-host.invalid")
            .pool("by-name", "localhost")
        )
        cls.PORTS = {"three": 8001, "one": 8002, "half-dead": 8003, "empty": 8004, "dead": 8005}
        cls.PORTS |= {"unknown-name": 8006, "by-name": 8007}
        for name, document_port in cls.PORTS.items():
            made.listener(name, document_port, plain=True)
            made.rule(name, name, pool="one" if name == "dead" else name, settings="dead" if name == "dead" else "http")
        cls.gateway = Gateway(made, {"workers": 1}).start()
        cls.addClassCleanup(cls.gateway.stop)

    def test_round_robin(self) -> None:
        for fresh in (True, False):
            counts: Counter[str] = Counter()
            wire = self.gateway.tcp(self.PORTS["three"])
            for _ in range(30):
                if fresh:
                    wire.close()
                    wire = self.gateway.tcp(self.PORTS["three"])
                counts[self.echoed(wire.request())["backend"]] += 1
            wire.close()
            self.assertEqual(sorted(counts.values()), [10, 10, 10], counts)

    def test_a_member_that_refuses_costs_a_retry_not_a_request(self) -> None:
        target = "/" + self.token()
        with self.gateway.tcp(self.PORTS["half-dead"]) as wire:
            for turn in range(20):
                for method, body in (("GET", b""), ("POST", b"some body")):
                    response = wire.request(f"{target}/{method}/{turn}", method=method, body=body)
                    self.assertEqual(self.echoed(response)["body_length"], len(body))
        self.assertEqual(len(self.backends[1].all_for(target)), 40, "each request came exactly once")
        line = self.gateway.access_for(f"{target}/GET/0")
        self.assertEqual(line.properties["serverRouted"], f"127.0.0.2:{self.backends[1].port}")

    def test_an_unreachable_backend_is_a_502(self) -> None:
        for name in ("dead", "empty", "unknown-name"):
            with self.subTest(name):
                target = "/" + self.token()
                with self.gateway.tcp(self.PORTS[name]) as wire:
                    self.assert_plain_page(wire.request(target), 502, "Bad Gateway")
                    self.assert_plain_page(wire.request(target + "/again"), 502, "Bad Gateway")
                line = self.gateway.access_for(target + "/again")
                self.assertEqual((line.status, line.error_info), (502, "ERRORINFO_UPSTREAM_NO_LIVE"))

    def test_a_pool_member_may_be_a_name(self) -> None:
        with self.gateway.tcp(self.PORTS["by-name"]) as wire:
            self.assertEqual(self.echoed(wire.request())["backend"], f"127.0.0.1:{self.backends[0].port}")

    def test_a_backend_that_misbehaves_is_a_502(self) -> None:
        bad = {
            "/close": "closes without a word",
            "/close-mid-head": "closes within its head",
            "/garbage": "does not speak HTTP",
            self.raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"): "two lengths",
            self.raw(
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ): "CL and TE",
            self.raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"): "TE gzip",
            self.raw("HTTP/1.1 200 OK\nContent-Length: 0\n\n"): "bare LF",
            self.raw("HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n"): "obs-fold",
            self.raw("HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 0\r\n\r\n"): "space before colon",
            self.raw("HTTP/2 200\r\n\r\n"): "version 2",
            self.raw("HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n"): "status 99",
            self.raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"): "an upgrade that nobody asked for",
            "/huge-head": "a head over the bound",
        }
        for path, what in bad.items():
            with self.subTest(what):
                target = self.token()
                with self.gateway.tcp(self.PORTS["one"], timeout=20) as wire:
                    response = wire.request(f"{path}{'&' if '?' in path else '?'}{target}")
                    self.assert_plain_page(response, 502, "Bad Gateway")
                    self.assertEqual(wire.request().status, 200, "the client's connection goes on")
                line = self.gateway.access_for(target)
                self.assertEqual(line.status, 502)
                self.assertIn(line.error_info, ("ERRORINFO_UPSTREAM_CLOSED_CONNECTION", "ERRORINFO_UPSTREAM_NO_LIVE"))
                self.assertNotEqual(line.reason, "")

    def raw(self, text: str) -> str:
        return "/raw?hex=" + text.encode("latin-1").hex()

    def test_an_answer_cut_short_is_cut_short_for_the_client_too(self) -> None:
        for by in ("length", "chunked"):
            with self.subTest(by):
                target = self.token()
                with self.gateway.tcp(self.PORTS["one"]) as wire:
                    with self.assertRaises(client.http_wire.Closed):
                        wire.request(f"/close-mid-body?by={by}&{target}")
                line = self.gateway.access_for(target)
                self.assertEqual(line.error_info, "ERRORINFO_UPSTREAM_CLOSED_CONNECTION")

    def test_a_backend_that_never_answers_is_a_504_after_request_timeout(self) -> None:
        started = time.monotonic()
        target = "/hold/" + self.token()
        with self.gateway.tcp(self.PORTS["one"], timeout=20) as wire:
            self.assert_plain_page(wire.request(target), 504, "Gateway Timeout")
            taken = time.monotonic() - started
            self.assertEqual(wire.request().status, 200, "the client's connection goes on")
        self.assertGreater(taken, 1.8)
        self.assertLess(taken, env.patience(4))
        line = self.gateway.access_for(target)
        self.assertEqual((line.status, line.error_info), (504, "ERRORINFO_UPSTREAM_TIMED_OUT"))

    def test_a_slow_but_steady_backend_is_waited_for(self) -> None:
        with self.gateway.tcp(self.PORTS["one"]) as wire:
            self.assertEqual(wire.request("/slow-head").body, b"slow")

    def test_backend_connections_are_kept_and_replaced(self) -> None:
        target = self.token()
        with self.gateway.tcp(self.PORTS["one"]) as wire:
            connections = {self.echoed(wire.request(f"/{target}"))["connection"] for _ in range(20)}
            self.assertEqual(len(connections), 1)
            # A kept connection that the backend has closed costs no request, not even one that must not be repeated.
            for turn in range(10):
                self.assertEqual(wire.request(f"/close-after/{target}").status, 200)
                env.wait_until("the backend to have closed", lambda: self.backends[0].open_connections == 0)
                self.assertEqual(wire.request(f"/{target}/turn{turn}", method="POST", body=b"x").status, 200)
        for turn in range(10):
            self.assertEqual(len(self.backends[0].all_for(f"/{target}/turn{turn}")), 1)

    def test_a_request_with_a_body_is_never_sent_twice(self) -> None:
        target = "/close/" + self.token()
        with self.gateway.tcp(self.PORTS["three"]) as wire:
            self.assertEqual(wire.request(target, method="POST", body=b"pay 10").status, 502)
        self.assertEqual(sum(len(backend.all_for(target)) for backend in self.backends), 1)

    def test_many_clients_at_once_each_get_their_own_answer(self) -> None:
        wrong: list[str] = []

        def one(number: int) -> None:
            with self.gateway.tcp(self.PORTS["three"]) as wire:
                for turn in range(env.scale(40)):
                    seen = json.loads(wire.request(f"/{number}/{turn}", method="POST", body=b"x" * number).body)
                    if (seen["target"], seen["body_length"]) != (f"/{number}/{turn}", number):
                        wrong.append(f"{number}/{turn}: {seen}")

        threads = [threading.Thread(target=one, args=(number,)) for number in range(1, 17)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


class BehindIt(GatewayCase):
    """nginx from Debian as the backend."""

    @classmethod
    def setUpClass(cls) -> None:
        if not client.have("nginx"):
            raise unittest.SkipTest("nginx is not installed")
        cls.nginx = Nginx()
        cls.addClassCleanup(cls.nginx.stop)
        cls.gateway = Gateway(standard(cls.nginx.port)).start()
        cls.addClassCleanup(cls.gateway.stop)

    def test_nginx_gets_the_identity(self) -> None:
        for port, identity, verify in ((STRICT, pki().good, "SUCCESS"), (PASSTHROUGH, pki().expired, "PASSTHROUGH")):
            run = client.curl(f"https://localhost:{self.gateway.port(port)}/x", identity=identity)
            self.assertEqual((run.exit_code, run.status, run.body), (0, 200, "nginx says ok\n"), run.error)
            self.assertIn(f"X-Saw-Verify: {verify}", run.head)
            shown = re.search(r"X-Saw-Client-Cert: (\S+)", run.head)
            self.assertIsNotNone(shown, run.head)
            self.assertTrue(shown[1].startswith("-----BEGIN%20CERTIFICATE-----%0A"))
        run = client.curl(f"https://localhost:{self.gateway.port(NO_PROFILE)}/x")
        self.assertNotIn("X-Saw-Client-Cert", run.head)


if __name__ == "__main__":
    main()
