"""The access log in Azure's schema, with the `portcullis` object beside it. azure-semantics §8.1, §6.3; product.md."""

from __future__ import annotations

import datetime
import json
import re
import signal
from typing import Any

from harness import client
from harness.case import GatewayCase, main
from harness.document import IDENTITY_REWRITE, NO_PROFILE, PASSTHROUGH, PLAIN, STRICT, Document, standard
from harness.gateway import Gateway, LogLine, Tail
from harness.pki import pki

ENVELOPE = {
    "timeStamp": str,
    "resourceId": str,
    "listenerName": str,
    "ruleName": str,
    "backendPoolName": str,
    "backendSettingName": str,
    "operationName": str,
    "category": str,
    "properties": dict,
    "portcullis": dict,
}
NUMBER = (int, float)
PROPERTIES: dict[str, Any] = {
    "instanceId": str,
    "clientIP": str,
    "clientPort": int,
    "httpMethod": str,
    "originalRequestUriWithArgs": str,
    "requestUri": str,
    "requestQuery": str,
    "userAgent": str,
    "httpStatus": int,
    "httpVersion": str,
    "receivedBytes": int,
    "sentBytes": int,
    "clientResponseTime": NUMBER,
    "timeTaken": NUMBER,
    "WAFEvaluationTime": str,
    "WAFMode": str,
    "transactionId": str,
    "sslEnabled": str,
    "sslCipher": str,
    "sslProtocol": str,
    "sslClientVerify": str,
    "sslClientCertificateFingerprint": str,
    "sslClientCertificateIssuerName": str,
    "serverRouted": str,
    "serverStatus": str,
    "serverResponseLatency": str,
    "upstreamSourcePort": str,
    "originalHost": str,
    "host": str,
    "error_info": str,
    "contentType": str,
}


class AccessLog(GatewayCase):
    @classmethod
    def document(cls) -> Document:
        return standard(cls.backend.port).rewrite("identity", {**IDENTITY_REWRITE, "Host": "inner.test"})

    def assert_schema(self, line: LogLine) -> None:
        self.assertEqual(set(line), set(ENVELOPE))
        for key, kind in ENVELOPE.items():
            self.assertIsInstance(line[key], kind, key)
        self.assertEqual(set(line.properties), set(PROPERTIES))
        for key, kind in PROPERTIES.items():
            self.assertIsInstance(line.properties[key], kind, key)
            self.assertNotIsInstance(line.properties[key], bool, key)
        self.assertIn("reason", line.own)
        self.assertIn("connection", line.own)
        self.assertIsInstance(line.own["resumed"], bool)

    def test_a_served_request_over_mutual_tls(self) -> None:
        target = f"/{self.token()}/./x"
        with self.gateway.tls(STRICT, pki().good) as wire:
            cipher, _, _ = wire.sock.cipher()
            source = wire.sock.getsockname()[1]
            fields = [("User-Agent", 'curl/8 "quoted" \\ tab\t')]
            response = wire.request(f"{target}?a=1&b", "Shop.test:8443", "POST", fields, b"0123456789")
            self.assertEqual(response.status, 200)
            version = wire.sock.version()
        line = self.gateway.access_for(target)
        self.assert_schema(line)
        expected = {
            "clientIP": "127.0.0.1",
            "clientPort": source,
            "httpMethod": "POST",
            "originalRequestUriWithArgs": f"{target}?a=1&b",
            "requestUri": target.replace("/./", "/"),
            "requestQuery": "a=1&b",
            "userAgent": 'curl/8 "quoted" \\ tab',
            "httpStatus": 200,
            "httpVersion": "HTTP/1.1",
            "WAFEvaluationTime": "0.000",
            "sslEnabled": "on",
            "sslCipher": cipher,
            "sslProtocol": version,
            "sslClientVerify": "SUCCESS",
            "sslClientCertificateFingerprint": pki().good.field("-fingerprint", "-sha1").replace(":", "").lower(),
            "sslClientCertificateIssuerName": pki().int_a.subject(),
            "serverRouted": f"127.0.0.1:{self.backend.port}",
            "serverStatus": "200",
            "originalHost": "Shop.test:8443",
            "host": "inner.test",
            "error_info": "ERRORINFO_NO_ERROR",
            "contentType": "application/json",
        }
        self.assertEqual({key: line.properties[key] for key in expected}, expected)
        self.assertEqual(line["listenerName"], "strict")
        self.assertEqual(line["ruleName"], "to-strict")
        self.assertEqual(line["backendPoolName"], "pool")
        self.assertEqual(line["backendSettingName"], "http")
        self.assertEqual(line["operationName"], "ApplicationGatewayAccess")
        self.assertEqual(line["category"], "ApplicationGatewayAccessLog")
        self.assertIn("gw", line["resourceId"])
        self.assertRegex(line.properties["transactionId"], r"^[0-9a-z]{32}$")
        self.assertRegex(line.properties["serverResponseLatency"], r"^\d+\.\d{3}$")
        self.assertTrue(1024 <= int(line.properties["upstreamSourcePort"]) <= 65535)
        self.assertGreater(line.properties["receivedBytes"], 100)
        self.assertGreater(line.properties["sentBytes"], len(response.body))
        self.assertTrue(0 <= line.properties["timeTaken"] < 20)
        self.assertEqual((line.reason, line.resumed), ("", False))
        moment = datetime.datetime.fromisoformat(line["timeStamp"].replace("Z", "+00:00"))
        self.assertLess(abs((datetime.datetime.now(datetime.timezone.utc) - moment).total_seconds()), 60)

    def test_every_kind_of_outcome_has_the_whole_schema(self) -> None:
        def one(port: int, target: str, identity: object = None, **how: Any) -> LogLine:
            wire = self.gateway.tcp(port) if port == PLAIN else self.gateway.tls(port, identity)
            with wire:
                wire.request(target, **how)
            return self.gateway.access_for(target)

        t = self.token()
        lines = {
            "plain": one(PLAIN, f"/{t}/plain"),
            "no profile": one(NO_PROFILE, f"/{t}/none"),
            "passthrough": one(PASSTHROUGH, f"/{t}/passthrough", pki().self_signed),
            "no certificate": one(STRICT, f"/{t}/missing"),
            "expired": one(STRICT, f"/{t}/expired", pki().expired),
            "bad gateway": one(PLAIN, f"/close/{t}"),
            "head": one(PLAIN, f"/{t}/head", method="HEAD"),
        }
        for name, line in lines.items():
            with self.subTest(name):
                self.assert_schema(line)
        self.assertEqual(lines["plain"].properties["sslEnabled"], "off")
        for key in ("sslCipher", "sslProtocol", "sslClientVerify", "sslClientCertificateFingerprint"):
            self.assertEqual(lines["plain"].properties[key], "")
        for name in ("no certificate", "expired"):
            for key in ("serverRouted", "serverStatus", "serverResponseLatency", "upstreamSourcePort"):
                self.assertEqual(lines[name].properties[key], "", "no backend was asked")
            self.assertEqual(lines[name].properties["contentType"], "text/html")
        fingerprint = lines["expired"].properties["sslClientCertificateFingerprint"]
        self.assertEqual(fingerprint, pki().expired.field("-fingerprint", "-sha1").replace(":", "").lower())
        self.assertEqual(lines["bad gateway"].properties["serverRouted"], f"127.0.0.1:{self.backend.port}")

    def test_a_refused_head_is_logged_too(self) -> None:
        before = len(self.gateway.access())
        for raw in ("GET / HTTP/1.1\r\n\r\n", "\x00\r\n\r\n", "GET /" + "x" * 40000 + " HTTP/1.1\r\n", "GET /\r\n\r\n"):
            with self.gateway.tcp(PLAIN) as wire:
                wire.try_send(raw.encode("latin-1"))
                wire.read()
        lines = self.gateway.wait_for(
            "four records", lambda: len(found := self.gateway.access()[before:]) == 4 and found
        )
        for line in lines:
            self.assert_schema(line)
            self.assertNotEqual(line.error_info, "ERRORINFO_NO_ERROR")
            self.assertNotEqual(line.reason, "")

    def test_a_client_that_leaves_early_is_a_499(self) -> None:
        target = "/hold/" + self.token()
        wire = self.gateway.tcp(PLAIN)
        wire.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
        self.backend.request_for(target)
        wire.close()
        line = self.gateway.access_for(target)
        self.assertEqual((line.status, line.error_info), (499, "ERRORINFO_CLIENT_CLOSED_REQUEST"))
        self.assert_schema(line)

    def test_nothing_a_client_sends_breaks_a_line(self) -> None:
        target = "/" + self.token()
        hostile = 'a"b\\c\xe9\xff\u00e9' + "".join(chr(c) for c in range(0x80, 0x100))
        with self.gateway.tls(PASSTHROUGH, pki().spoof) as wire:
            wire.request(target + '/"\\{}%0A<script>', fields=[("User-Agent", hostile), ("Referer", hostile)])
        line = self.gateway.access_for(target)
        self.assert_schema(line)
        for raw in self.gateway.access_path.read_bytes().splitlines():
            json.loads(raw.decode("utf-8"))
            self.assertFalse(any(byte < 0x20 for byte in raw))

    def test_connections_and_requests_can_be_told_apart(self) -> None:
        target = "/" + self.token()
        with self.gateway.tcp(PLAIN) as wire:
            wire.request(f"{target}/1")
            wire.request(f"{target}/2")
        with self.gateway.tcp(PLAIN) as wire:
            wire.request(f"{target}/3")
        ids = [self.gateway.access_for(f"{target}/{turn}").own["connection"] for turn in (1, 2, 3)]
        self.assertEqual(ids[0], ids[1])
        self.assertNotEqual(ids[1], ids[2])
        traces = {self.gateway.access_for(f"{target}/{turn}").properties["transactionId"] for turn in (1, 2, 3)}
        self.assertEqual(len(traces), 3)

    def test_bytes_are_counted(self) -> None:
        target = "/" + self.token()
        with self.gateway.tcp(PLAIN) as wire:
            request = f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n".encode() + b"x" * 1000
            wire.send(request)
            response = wire.read()
        properties = self.gateway.access_for(target).properties
        self.assertEqual(properties["receivedBytes"], len(request))
        self.assertEqual(properties["sentBytes"], len(response.raw_head) + len(response.body))

    def test_the_program_log_is_structured_and_holds_no_secret(self) -> None:
        with self.gateway.tls(STRICT, pki().expired) as wire:
            wire.request()
        for line in self.gateway.log():
            self.assertIn(line["level"], ("error", "warn", "info", "debug"))
            self.assertRegex(line["event"], r"^[a-z0-9_]+(\.[a-z0-9_]+)*$")
            self.assertRegex(line["time"], re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"))
        text = self.gateway.log_path.read_text() + self.gateway.stderr_path.read_text()
        self.assertNotIn("PRIVATE KEY", text)


class Sinks(GatewayCase):
    def test_off_and_stdout(self) -> None:
        for sink, expected in (("-", True), ("off", False)):
            with self.subTest(sink), Gateway(standard(self.backend.port), {"access_log": {"path": sink}}) as gateway:
                with gateway.tcp(PLAIN) as wire:
                    self.assertEqual(wire.request("/somewhere").status, 200)
                gateway.stop()
                self.assertEqual("/somewhere" in gateway.stdout_path.read_text(), expected)

    def test_lines_are_complete_after_the_end(self) -> None:
        with Gateway(standard(self.backend.port)) as gateway:
            with gateway.tcp(PLAIN) as wire:
                for turn in range(200):
                    wire.request(f"/{turn}")
            gateway.stop()
            self.assertEqual(len(gateway.access()), 200)

    def test_sigusr1_reopens_both_logs(self) -> None:
        with Gateway(standard(self.backend.port)) as gateway:
            with gateway.tcp(PLAIN) as wire:
                wire.request("/before")
                # Without any prompting, a line is there within a second or so.
                gateway.wait_for("the record", gateway.access)
                old_access = gateway.access_path.rename(gateway.directory / "access.1")
                old_log = gateway.log_path.rename(gateway.directory / "program.1")
                gateway.signal(signal.SIGUSR1)
                gateway.wait_for("new files", lambda: gateway.access_path.exists() and gateway.log_path.exists())
                wire.request("/after")
                gateway.wait_for("the record in the new file", gateway.access)
            self.assertEqual(len(Tail(old_access).lines()), 1)
            self.assertIn('"event":"ready"', old_log.read_text())

    def test_a_log_that_cannot_be_written_stops_no_request(self) -> None:
        if not client.Path("/dev/full").exists():
            self.skipTest("no /dev/full")
        with Gateway(standard(self.backend.port), {"access_log": {"path": "/dev/full"}}) as gateway:
            with gateway.tcp(PLAIN) as wire:
                for _ in range(20):
                    self.assertEqual(wire.request().status, 200)
            # What is lost is counted, and said.
            gateway.wait_for("the complaint", lambda: gateway.events("access_log.lines_lost"))


if __name__ == "__main__":
    main()
