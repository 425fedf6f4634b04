"""The document and the host file: what `check` and `run` say of them, and that nothing starts on a bad one.

product.md "Command line", "Two files"; azure-semantics §3, §9; mtls-invariants I14.
"""

from __future__ import annotations

import base64
import json
import re
import unittest
from typing import Any, Callable, Optional

from harness import client, env
from harness.backend import Backend
from harness.case import main
from harness.document import PLAIN, STRICT, Document, standard
from harness.gateway import Gateway, run_command
from harness.pki import Pki, pki

LINE = re.compile(r"^(error|warning|info) (\S+) (\S*): (.+)$")


class Checking(unittest.TestCase):
    maxDiff = None

    def check(
        self, text: str, name: str = "gateway.json", host: Optional[str] = None
    ) -> tuple[int, list[tuple[str, ...]]]:
        """Exit code and findings: (severity, code, pointer, message)."""
        directory = env.new_dir("check")
        (directory / name).write_text(text)
        arguments = ["check", directory / name]
        if host is not None:
            (directory / "portcullis.yaml").write_text(host)
            arguments += ["--host", directory / "portcullis.yaml"]
        done = run_command(*arguments)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        found = [LINE.match(line) for line in (done.stdout + done.stderr).splitlines()]
        return done.returncode, [match.groups() for match in found if match]

    def errors(self, document: Document | str, **how: Any) -> list[tuple[str, str]]:
        """(code, pointer) of every error; the exit code has to fit."""
        code, findings = self.check(document if isinstance(document, str) else document.json(), **how)
        found = [(finding[1], finding[2]) for finding in findings if finding[0] == "error"]
        self.assertEqual(code, 1 if found else 0, findings)
        for finding in findings:
            self.assertGreater(len(finding[3]), 15, "a finding says what to do")
        return found

    def changed(self, change: Callable[[dict[str, Any]], Any]) -> Document:
        document = standard(8080)
        change(document.body["properties"])
        return document

    def test_a_good_document_passes(self) -> None:
        self.assertEqual(self.errors(standard(8080)), [])
        self.assertEqual(self.errors(standard(8080).yaml(), name="gateway.yaml"), [])

    def test_each_mistake_is_named_with_its_place(self) -> None:
        def set_in(*path: Any) -> Callable[[dict[str, Any]], None]:
            *keys, value = path

            def change(tree: dict[str, Any]) -> None:
                for key in keys[:-1]:
                    tree = tree[key]
                if value is None:
                    del tree[keys[-1]]
                else:
                    tree[keys[-1]] = value

            return change

        def listener(*path: Any) -> Callable[[dict[str, Any]], None]:
            return set_in("httpListeners", 0, "properties", *path)

        def rule(*path: Any) -> Callable[[dict[str, Any]], None]:
            return set_in("requestRoutingRules", 0, "properties", *path)

        def policy(name: str) -> Callable[[dict[str, Any]], None]:
            return set_in("sslPolicy", {"policyType": "Predefined", "policyName": name})

        def strictly(tree: dict[str, Any]) -> None:
            del tree["sslProfiles"][0]["properties"]["trustedClientCertificates"]

        def timeout(seconds: int) -> Callable[[dict[str, Any]], None]:
            return set_in("backendHttpSettingsCollection", 0, "properties", "requestTimeout", seconds)

        def port(value: Any) -> Callable[[dict[str, Any]], None]:
            return set_in("frontendPorts", 0, "properties", "port", value)

        def ca(value: Any) -> Callable[[dict[str, Any]], None]:
            return set_in("trustedClientCertificates", 0, "properties", "data", value)

        root_only, leaf = pki().root_a.pem(), pki().good.leaf_pem
        dangling = Document().ref("sslProfiles", "absent")
        listeners, rules, ports = (
            f"/properties/{name}/0" for name in ("httpListeners", "requestRoutingRules", "frontendPorts")
        )
        cas, certificates = "/properties/trustedClientCertificates/0", "/properties/sslCertificates/0"
        prefix = "ApplicationGatewayTrustedClientCertificate"
        one_root = "ApplicationGatewayOnlyOneRootCAAllowedInTrustedClientCertificate"
        no_certificate = "ApplicationGatewayHttpsListenerMustReferenceSslCert"
        no_priority = "ApplicationGatewayRequestRoutingRulePriorityCannotBeEmpty"
        absent_file = set_in("sslCertificates", 0, "properties", "data", "@absent.pfx")
        table: list[tuple[str, Callable[[dict[str, Any]], None], Optional[str], str]] = [
            ("an unknown member", set_in("sslProfilez", []), None, "/properties/sslProfilez"),
            ("an unknown member below", listener("hostnamez", "a"), None, f"{listeners}/properties/hostnamez"),
            ("a wrong type", set_in("httpListeners", {}), None, "/properties/httpListeners"),
            ("a string for a number", port("https"), None, ports),
            ("a port out of range", port(70000), None, ports),
            ("a bad enum", listener("protocol", "Gopher"), None, f"{listeners}/properties/protocol"),
            ("a dangling id", listener("sslProfile", dangling), "InvalidResourceReference", listeners),
            ("a reference without id", listener("sslProfile", {}), "MissingJsonReferenceId", listeners),
            ("a malformed id", listener("sslProfile", {"id": "x"}), "InvalidJsonReferenceFormat", listeners),
            ("no certificate", listener("sslCertificate", None), no_certificate, listeners),
            ("no priority", rule("priority", None), no_priority, rules),
            ("a priority out of range", rule("priority", 20001), None, rules),
            ("a timeout out of range", timeout(0), None, "/properties/backendHttpSettingsCollection/0"),
            ("an empty CA", ca(""), prefix + "MustSpecifyData", cas),
            ("a key in a CA file", ca(root_only + pki().good.key.read_text()), prefix + "MustNotHavePrivateKey", cas),
            ("no PEM", ca("hello world"), prefix + "InvalidData", cas),
            ("a leaf as CA", ca(leaf), prefix + "DoesNotContainAnyCACertificate", cas),
            ("no root", ca(pki().int_a.pem()), one_root, cas),
            ("two roots", ca(root_only + pki().root_b.pem()), one_root, cas),
            ("a strict profile without CA", strictly, None, "/properties/sslProfiles/0"),
            ("a retired TLS policy", policy("AppGwSslPolicy20150501"), None, "/properties/sslPolicy"),
            ("an unknown TLS policy", policy("AppGwSslPolicy19990101"), None, "/properties/sslPolicy"),
            ("a missing file", absent_file, "FileNotReadable", certificates),
        ]

        for name, change, code, pointer in table:
            with self.subTest(name):
                found = self.errors(self.changed(change))
                self.assertTrue(found, "accepted")
                if code:
                    self.assertIn(code, [finding[0] for finding in found])
                self.assertTrue(any(finding[1].startswith(pointer) for finding in found), found)

    def test_everything_that_is_wrong_is_said_at_once(self) -> None:
        def change(tree: dict[str, Any]) -> None:
            tree["zzz"] = 1
            tree["frontendPorts"][0]["properties"]["port"] = 0
            tree["httpListeners"][0]["properties"]["sslProfile"]["id"] += "-absent"
            tree["httpListeners"][1]["properties"]["protocol"] = 7
            tree["requestRoutingRules"][2]["properties"]["colour"] = "blue"

        pointers = [finding[1] for finding in self.errors(self.changed(change))]
        for expected in (
            "/properties/zzz",
            "/properties/frontendPorts/0/properties/port",
            "/properties/httpListeners/0/properties/sslProfile",
            "/properties/httpListeners/1/properties/protocol",
            "/properties/requestRoutingRules/2/properties/colour",
        ):
            self.assertTrue(any(pointer.startswith(expected) for pointer in pointers), (expected, pointers))

    def test_syntax_errors_have_a_line_and_a_column(self) -> None:
        texts = {
            "cut.json": '{"properties": {\n "sku": ',
            "double.json": '{"name": "a",\n "name": "b", "properties": {}}',
            "trailing.json": '{"properties": {}} x',
            "deep.json": '{"a":' * 100 + "1" + "}" * 100,
            "tab.yaml": "properties:\n\tsku: {}\n",
            "alias.yaml": "a: &x {}\nproperties: *x\n",
            "double.yaml": "properties: {}\nproperties: {}\n",
            "two.yaml": "properties: {}\n---\nproperties: {}\n",
        }
        for name, text in texts.items():
            with self.subTest(name):
                code, findings = self.check(text, name)
                self.assertEqual(code, 1)
                self.assertTrue(any(re.search(r"line \d+", finding[3]) for finding in findings), findings)

    def test_names_and_enums_are_read_without_regard_to_case(self) -> None:
        def upper(value: Any) -> Any:
            if isinstance(value, dict):
                return {key.upper(): upper(item) for key, item in value.items()}
            return [upper(item) for item in value] if isinstance(value, list) else value

        document = standard(8080)
        for profile in document.body["properties"]["sslProfiles"]:
            auth = profile["properties"]["clientAuthConfiguration"]
            auth["verifyClientAuthMode"] = auth["verifyClientAuthMode"].upper()
        listener = document.element("httpListeners", "strict")
        listener["sslProfile"]["id"] = listener["sslProfile"]["id"].upper()
        self.assertEqual(self.errors(json.dumps(upper(document.body))), [])

    def test_yaml_references_may_be_short(self) -> None:
        document = standard(8080)
        for listener in document.body["properties"]["httpListeners"]:
            properties = listener["properties"]
            properties["frontendPort"] = properties["frontendPort"]["id"].rsplit("/", 1)[1]
            if "sslProfile" in properties:
                properties["sslProfile"] = {"name": properties["sslProfile"]["id"].rsplit("/", 1)[1]}
        self.assertEqual(self.errors(document.yaml(), name="gateway.yaml"), [])

    def test_a_pfx_needs_its_password(self) -> None:
        data = base64.b64encode(pki().server_pfx.read_bytes()).decode()
        good = standard(8080).certificate(data=data, password=Pki.PASSWORD)
        self.assertEqual(self.errors(good), [])
        for password in ("wrong", "", None):
            with self.subTest(password):
                code, findings = self.check(standard(8080).certificate(data=data, password=password).json())
                self.assertEqual(code, 1)
                self.assertIn("ApplicationGatewaySslCertificatePasswordIncorrect", [finding[1] for finding in findings])
                self.assertNotIn("wrong", str(findings), "a secret in a message")

    def test_a_document_never_shows_its_secrets(self) -> None:
        secret = "s3cretPassphrase"
        document = standard(8080).certificate(data="AAAA", password=secret)
        document.element("sslCertificates", "server")["passwordd"] = secret
        directory = env.new_dir("secret")
        (directory / "gateway.json").write_text(document.json())
        done = run_command("check", directory / "gateway.json")
        self.assertEqual(done.returncode, 1)
        self.assertNotIn(secret, done.stdout + done.stderr)

    def test_the_host_file_is_checked_too(self) -> None:
        text = standard(8080).json()
        for host in (
            "workerz: 2\n",
            "workers: many\n",
            "limits: {connections: -1}\n",
            "ports: {443: 70000}\n",
            "bind: 3\n",
        ):
            with self.subTest(host):
                code, findings = self.check(text, host=host)
                self.assertEqual(code, 1, findings)
                self.assertTrue(findings)

    def test_every_key_of_the_host_file_is_known(self) -> None:
        every = """
bind: {fip: [127.0.0.1]}
ports: {443: 8443}
workers: 0
state_dir: /tmp/x
access_log: {path: "off"}
log: {level: info, path: "-"}
admin: {listen: "127.0.0.1:9443", guard_weakening: false}
metrics: {listen: "off"}
secrets: {}
references: {}
unenforced: []
limits: {connections: 100000, connections_per_ip: 0, handshakes_per_ip_per_s: 0, presented_certificates: 10,
  presented_bytes: 32768, rsa_bits: 8192}
client_auth: {sessions: stateful, session_lifetime: 8h, ticket_key_file: "", verify_depth: 10, journal: 100000,
  client_cert_header: off}
user: ""
revocation: {timeout: 5s, cold_cache: wait, unreachable: refuse, unknown: refuse, no_responder: refuse,
  expired_response: refuse, intermediates: false, responder: "", crl: {strict: {files: [], fetch: false}}, order: [ocsp, crl]}
egress: {deny: [loopback, link_local, multicast], allow: []}
listeners: {strict: {proxy_protocol: off}}
backends: {http: {protocol: http1}}
tracing: {otlp: ""}
"""
        code, findings = self.check(standard(8080).json(), host=every)
        self.assertEqual(code, 0, findings)

    def test_what_is_not_built_yet_checks_and_does_not_run(self) -> None:
        document = standard(8080)
        document.element("backendHttpSettingsCollection", "http")["cookieBasedAffinity"] = "Enabled"
        path = env.new_dir("unserved") / "gateway.json"
        path.write_text(document.json())
        checked = run_command("check", path)
        self.assertEqual(checked.returncode, 0, "Azure takes it: " + checked.stdout)
        self.assertRegex(checked.stdout, r"(?m)^warning NotServedYet \S+: .*affinity")
        self.assertTrue(checked.stdout.rstrip().splitlines()[-1].startswith("`run` refuses it as yet"), checked.stdout)
        ran = run_command("run", path)
        self.assertEqual(ran.returncode, 1, "it was asked for, is not built yet, and was let pass in silence")
        self.assertRegex(ran.stderr, r"(?m)^error NotServedYet \S+: .*affinity")

    def test_usage_errors_exit_64(self) -> None:
        for arguments in ([], ["nonsense"], ["check"], ["run"], ["check", "a", "--nonsense"], ["run", "a", "--host"]):
            with self.subTest(arguments):
                done = run_command(*arguments)
                self.assertEqual(done.returncode, 64, done.stderr)
                self.assertTrue(done.stderr.strip())

    def test_a_missing_document_exits_1(self) -> None:
        for command in ("check", "run"):
            done = run_command(command, "/nowhere/gateway.json")
            self.assertEqual(done.returncode, 1)
            self.assertIn("/nowhere/gateway.json", done.stdout + done.stderr)

    def test_help_has_an_example(self) -> None:
        for command in ("run", "demo", "check"):
            with self.subTest(command):
                done = run_command(command, "--help")
                self.assertEqual(done.returncode, 0)
                self.assertRegex(done.stdout, rf"(?m)^\s*(\$ )?portcullis {command} ")
        done = run_command("--help")
        self.assertEqual(done.returncode, 0)
        for command in ("run", "demo", "check"):
            self.assertIn(command, done.stdout)


class Starting(unittest.TestCase):
    def setUp(self) -> None:
        self.backend = Backend()
        self.addCleanup(self.backend.stop)

    def test_nothing_starts_on_a_bad_document(self) -> None:
        broken = {
            "unknown member": lambda d: d.body["properties"].update(zzz=1),
            "empty CA": lambda d: d.ca("a", ""),
            "malformed CA": lambda d: d.ca("a", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "no CA": lambda d: d.element("sslProfiles", "strict").pop("trustedClientCertificates"),
            "wrong key": lambda d: d.certificate(data="@" + str(self.mismatch())),
        }
        for name, breaking in broken.items():
            with self.subTest(name):
                document = standard(self.backend.port)
                breaking(document)
                gateway = Gateway(document).spawn()
                self.assertEqual(gateway.wait(), 1, gateway.words())
                self.assertEqual(gateway.events("ready"), [])
                self.assertRegex(gateway.stderr_path.read_text(), r"(?m)^error \S+ /properties/")
                self.assertFalse(any(gateway.accepts(port) for port in gateway.ports))

    def mismatch(self) -> Any:
        path = env.new_dir("mismatch") / "server.pem"
        path.write_text(pki().good.key.read_text() + pki().server.chain.read_text())
        return path

    def assert_serves(self, gateway: Gateway, version: str = "1.3") -> None:
        with gateway:
            with gateway.tls(STRICT, pki().good, version) as wire:
                self.assertEqual(wire.request().status, 200)
            with gateway.tls(STRICT, None, version) as wire:
                self.assertEqual(wire.request().status, 400)

    def test_yaml_and_json_are_the_same_document(self) -> None:
        self.assert_serves(Gateway(standard(self.backend.port), yaml=True))

    def test_certificates_from_every_source(self) -> None:
        pem, pfx = pki().server_pem, pki().server_pfx
        encoded = base64.b64encode(pfx.read_bytes()).decode()
        ca = pki().int_a.bundle()
        sources = {
            "@pem": lambda d: d.certificate(data=f"@{pem}"),
            "@pfx": lambda d: d.certificate(data=f"@{pfx}", password=Pki.PASSWORD),
            "inline pfx": lambda d: d.certificate(data=encoded, password=Pki.PASSWORD),
            "CA as base64 of PEM": lambda d: d.ca("a", base64.b64encode(ca.encode()).decode()),
            "CA as a file": lambda d: d.ca("a", f"@{self.file('ca.pem', ca)}"),
            "CA with the root first": lambda d: d.ca("a", pki().root_a.pem() + pki().int_a.pem()),
            "CA with a leaf in it": lambda d: d.ca("a", ca + pki().good.leaf_pem),
            "CA with text around": lambda d: d.ca("a", "subject: x\n" + ca + "\nthe end\n"),
        }
        for name, change in sources.items():
            with self.subTest(name):
                document = standard(self.backend.port)
                change(document)
                self.assert_serves(Gateway(document))

    def file(self, name: str, text: str) -> Any:
        path = env.new_dir("file") / name
        path.write_text(text)
        return path

    def test_paths_are_relative_to_the_document(self) -> None:
        document = standard(self.backend.port).certificate(data="@server.pem").ca("a", "@sub/ca.pem")
        gateway = Gateway(document)
        (gateway.directory / "server.pem").write_text(pki().server_pem.read_text())
        (gateway.directory / "sub").mkdir()
        (gateway.directory / "sub" / "ca.pem").write_text(pki().int_a.bundle())
        self.assert_serves(gateway)

    def test_secrets_of_the_host_file(self) -> None:
        document = standard(self.backend.port)
        document.element("sslCertificates", "server").clear()
        gateway = Gateway(document, {"secrets": {"server": str(pki().server_pem)}})
        self.assert_serves(gateway)
        document.element("sslCertificates", "server")["keyVaultSecretId"] = "https://vault.example/secrets/web"
        self.assert_serves(
            Gateway(document, {"secrets": {'"https://vault.example/secrets/web"': str(pki().server_pem)}})
        )
        vaulted = self.file("vaulted", base64.b64encode(pki().server_pfx.read_bytes()).decode() + "\n")
        document.certificate(password=Pki.PASSWORD).element("sslCertificates", "server").pop("data")
        self.assert_serves(Gateway(document, {"secrets": {"server": str(vaulted)}}))
        document.element("sslCertificates", "server").clear()
        document.element("sslCertificates", "server")["keyVaultSecretId"] = f"file://{pki().server_pem}"
        self.assert_serves(Gateway(document))

    def test_what_does_not_exist_yet_is_named_at_start(self) -> None:
        host = {"tracing": {"otlp": "http://127.0.0.1:1"}, "listeners": {"strict": {"proxy_protocol": "on"}}}
        with Gateway(standard(self.backend.port), host) as gateway:
            warned = json.dumps([line for line in gateway.log() if line["level"] == "warn"])
        for key in ("tracing", "listeners"):
            self.assertIn(key, warned)

    def test_a_profile_without_client_authentication_asks_for_nothing(self) -> None:
        document = standard(self.backend.port).add("sslProfiles", "strict", {})
        with Gateway(document) as gateway:
            with gateway.tls(STRICT) as wire:
                self.assertEqual(wire.request().status, 200)

    def test_a_profile_with_cas_alone_is_strict(self) -> None:
        document = standard(self.backend.port)
        document.element("sslProfiles", "strict").pop("clientAuthConfiguration")
        self.assert_serves(Gateway(document))

    def test_a_passthrough_profile_with_cas_refuses_nobody_and_says_who_would_fail(self) -> None:
        document = standard(self.backend.port).profile("strict", "Passthrough", ["a"])
        with Gateway(document) as gateway:
            for identity, would in ((pki().good, "SUCCESS"), (pki().expired, "FAILED:certificate has expired")):
                target = f"/shadow-{identity.name}"
                with gateway.tls(STRICT, identity) as wire:
                    self.assertEqual(wire.request(target).status, 200)
                line = gateway.access_for(target)
                self.assertEqual(line.verify, "PASSTHROUGH")
                self.assertIn(would, json.dumps(line.own))

    def test_tls_policies_decide_the_suites(self) -> None:
        document = standard(self.backend.port).profile("strict", "Passthrough", policy="AppGwSslPolicy20220101S")
        with Gateway(document) as gateway:
            context = client.tls_context(version="1.2")
            context.set_ciphers("ECDHE-ECDSA-AES256-SHA384")
            with self.assertRaises((client.ssl.SSLError, ConnectionError)):
                gateway.tls(STRICT, context=context).close()
            # The default policy has the CBC suites of 2022.
            with gateway.tls(1443, context=context) as wire:
                self.assertEqual(wire.sock.cipher()[0], "ECDHE-ECDSA-AES256-SHA384")

    def test_listeners_may_share_and_split_addresses(self) -> None:
        document = standard(self.backend.port)
        gateway = Gateway(document, {"bind": {"fip": ["127.0.0.1", "127.0.0.2"]}})
        with gateway:
            for address in ("127.0.0.1", "127.0.0.2"):
                with client.tcp(gateway.port(PLAIN), address) as wire:
                    self.assertEqual(wire.request().status, 200)

    def test_ipv6(self) -> None:
        with Gateway(standard(self.backend.port), bind="::1") as gateway:
            with gateway.tcp(PLAIN) as wire:
                source = wire.sock.getsockname()[1]
                response = wire.request("/six", "[::1]:80")
                self.assertEqual(response.status, 200)
            headers = {name.lower(): value for name, value in json.loads(response.body)["headers"]}
            self.assertEqual(headers["x-forwarded-for"], f"[::1]:{source}")
            self.assertEqual(gateway.access_for("/six").properties["clientIP"], "::1")


if __name__ == "__main__":
    main()
