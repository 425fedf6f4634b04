#!/usr/bin/python3
"""`portcullis show`, and the way back: what it prints is a document that runs once the host file names the key.

product.md "Command line"; arm-api §1.5 (secrets and round trips), §1.8 (the read shape).
"""

from __future__ import annotations

import base64
import json
import subprocess
import unittest
from pathlib import Path
from typing import Any, Optional

from harness import env, templates
from harness.azure import as_az_prints, template_of
from harness.backend import Backend
from harness.case import main
from harness.document import STRICT, standard, to_yaml
from harness.gateway import Gateway, run_command
from harness.pki import Pki, pki

SECRET = "s3cret-Passphrase.of-the-house"
VAULT_ID = "https://vault.example/secrets/web"


def written(name: str, text: str) -> Path:
    path = env.new_dir("show") / name
    path.write_text(text)
    return path


class Shown(unittest.TestCase):
    maxDiff = None

    def show(self, *arguments: Any) -> dict[str, Any]:
        done = run_command("show", *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def test_every_form_of_a_document_shows_the_same(self) -> None:
        document = standard(8080)
        plain = self.show(written("gateway.json", document.json()))
        self.assertEqual(self.show(written("gateway.yaml", document.yaml())), plain)
        template = template_of(document, {})
        template["variables"] = {"where": document.body["location"]}
        template["resources"][0]["location"] = "[variables('where')]"
        self.assertEqual(self.show(written("template.json", "// a comment\n" + json.dumps(template))), plain)
        self.assertEqual(self.show(written("template.yaml", to_yaml(template))), plain)

    def test_it_is_the_read_shape(self) -> None:
        shown = self.show(written("gateway.json", standard(8080).json()))
        self.assertEqual(list(shown), ["name", "id", "etag", "type", "location", "tags", "properties"])
        properties = shown["properties"]
        self.assertEqual(properties["probes"], [], "empty collections are there")
        self.assertEqual(properties["provisioningState"], "Succeeded")
        self.assertRegex(shown["etag"], r'^W/"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"$')
        self.assertRegex(properties["resourceGuid"], r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        (server,) = properties["sslCertificates"]
        self.assertNotIn("data", server["properties"])
        self.assertNotIn("password", server["properties"])
        found = subprocess.run(
            ["openssl", "pkcs7", "-inform", "DER", "-print_certs", "-noout"],
            input=base64.b64decode(server["properties"]["publicCertData"]),
            capture_output=True,
            check=True,
        )
        self.assertIn(b"localhost", found.stdout)
        self.assertTrue(server["properties"]["httpListeners"], "who uses it")

    def test_a_wrong_document_shows_nothing(self) -> None:
        for name, text in (("gateway.json", '{"properties": {"listenerz": []}}'), ("gateway.yaml", "a: *b\n")):
            done = run_command("show", written(name, text))
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertRegex(done.stderr, r"(?m)^error \S+ /\S*: .{20}")
        self.assertEqual(run_command("show", "/nowhere/gateway.json").returncode, 1)
        self.assertEqual(run_command("show").returncode, 64)

    def test_what_check_refuses_can_be_shown(self) -> None:
        document = standard(8080)
        document.element("requestRoutingRules", document.body["properties"]["requestRoutingRules"][0]["name"]).pop(
            "priority"
        )
        path = written("gateway.json", document.json())
        self.assertEqual(run_command("check", path).returncode, 1)
        self.show(path)

    def test_it_only_reads(self) -> None:
        """A folder that nobody may write to and no host file will do."""
        path = written("gateway.json", standard(8080).json())
        path.parent.chmod(0o500)
        self.addCleanup(path.parent.chmod, 0o700)
        self.show(path)


class WayBack(unittest.TestCase):
    """`az network application-gateway show` prints no key; the host file names it."""

    maxDiff = None

    @classmethod
    def setUpClass(cls) -> None:
        cls.backend = Backend()
        cls.addClassCleanup(cls.backend.stop)

    def shown(self, *arguments: Any) -> str:
        done = run_command("show", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("PRIVATE KEY", done.stdout)
        return done.stdout

    def assert_serves(self, text: str, host: dict[str, Any]) -> None:
        gateway = Gateway(standard(self.backend.port), host)
        gateway.write(text)
        with gateway:
            with gateway.tls(STRICT, pki().good) as wire:
                self.assertEqual(wire.request().status, 200)
            with gateway.tls(STRICT, None) as wire:
                self.assertEqual(wire.request().status, 400)

    def test_a_shown_document_runs_with_the_key_from_the_host_file(self) -> None:
        text = self.shown(written("gateway.json", standard(self.backend.port).json()))
        path = written("shown.json", text)
        refused = run_command("check", path)
        self.assertEqual(refused.returncode, 1)
        self.assertRegex(refused.stdout, r"(?m)^error SslCertificateHasNoKey /properties/sslCertificates/0: .*secrets")
        host = written("portcullis.yaml", to_yaml({"secrets": {"server": str(pki().server_pem)}}))
        self.assertEqual(run_command("check", path, "--host", host).returncode, 0)
        again = self.shown(path, "--host", host)
        self.assertEqual(again, text, "with its key it is the same document")
        self.assert_serves(text, {"secrets": {"server": str(pki().server_pem)}})

    def test_what_the_az_command_prints_runs(self) -> None:
        host = {"secrets": {"server": str(pki().server_pem)}}
        host_file = written("portcullis.yaml", to_yaml(host))
        body = self.shown(written("gateway.json", standard(self.backend.port).json()))
        printed = {**as_az_prints(json.loads(body)), "identity": None, "zones": None, "sslPolicy": None}
        self.assertNotIn("properties", printed)
        text = json.dumps(printed, indent=2)
        again = self.shown(written("edge.json", text), "--host", host_file)
        self.assertEqual(json.loads(again), json.loads(body))
        self.assert_serves(text, host)

    def test_a_key_of_a_vault_runs_by_its_id(self) -> None:
        document = standard(self.backend.port)
        document.element("sslCertificates", "server").clear()
        document.element("sslCertificates", "server")["keyVaultSecretId"] = VAULT_ID
        text = self.shown(written("gateway.json", document.json()))
        self.assertIn(VAULT_ID, text)
        path = written("shown.json", text)
        refused = run_command("check", path)
        self.assertRegex(refused.stdout, r"(?m)^error ApplicationGatewayKeyVaultSecretException .*secrets")
        self.assert_serves(text, {"secrets": {VAULT_ID: str(pki().server_pem)}})

    def test_a_wrong_or_absent_key_is_an_error_of_check(self) -> None:
        path = written("shown.json", self.shown(written("gateway.json", standard(8080).json())))
        wrong = written("wrong.pem", pki().good.key.read_text() + pki().server.chain.read_text())
        for file, code in ((wrong, "key_pair.key_mismatch"), (Path("/nowhere.pem"), "FileNotReadable")):
            host = written("portcullis.yaml", to_yaml({"secrets": {"server": str(file)}}))
            checked = run_command("check", path, "--host", host)
            self.assertEqual(checked.returncode, 1)
            self.assertRegex(checked.stdout, rf"(?m)^error {code} /properties/sslCertificates/0: ")
            shown = run_command("show", path, "--host", host)
            self.assertEqual(shown.returncode, 0, "there is something to show")
            self.assertRegex(shown.stderr, rf"(?m)^warning {code} /properties/sslCertificates/0: ")

    def test_a_template_runs_with_its_parameter_file(self) -> None:
        document = standard(self.backend.port).certificate(
            data="[parameters('certificate')]", password="[parameters('password')]"
        )
        document.element("backendHttpSettingsCollection", "http")["port"] = "[parameters('port')]"
        document.ca("a", "[parameters('ca')]")
        secure = {"type": "securestring"}
        template = template_of(
            document, {"certificate": secure, "password": secure, "port": {"type": "int"}, "ca": {"type": "string"}}
        )
        values = {
            "certificate": base64.b64encode(pki().server_pfx.read_bytes()).decode(),
            "password": Pki.PASSWORD,
            "port": self.backend.port,
            "ca": pki().int_a.bundle(),
        }
        parameters = written(
            "parameters.json", json.dumps({"parameters": {name: {"value": value} for name, value in values.items()}})
        )
        gateway = Gateway(standard(self.backend.port), arguments=("--parameters", str(parameters)))
        gateway.write(json.dumps(template))
        with gateway:
            with gateway.tls(STRICT, pki().good) as wire:
                self.assertEqual(wire.request().status, 200)
            self.assertEqual(gateway.reload()["event"], "reload.done")
        said = gateway.words()
        self.assertNotIn(values["certificate"][:40], said)


class Secrets(unittest.TestCase):
    """A secure parameter is printed nowhere, wherever a template puts it."""

    PLACES = {
        "the gateway's name": lambda d: d.body.update(name="[parameters('secret')]"),
        "a listener's name": lambda d: d.body["properties"]["httpListeners"][0].update(name="[parameters('secret')]"),
        "a host name": lambda d: d.element("httpListeners", "strict").update(hostName="[parameters('secret')]"),
        "a wildcard": lambda d: d.element("httpListeners", "strict").update(
            hostNames=["[concat('*.', parameters('secret'))]"]
        ),
        "a password": lambda d: d.certificate(data=f"@{pki().server_pfx}", password="[parameters('secret')]"),
        "a key": lambda d: d.certificate(data="[parameters('secret')]"),
        "a PEM body": lambda d: d.ca(
            "a", "[concat('-----BEGIN CERTIFICATE-----\n', parameters('secret'), '\n-----END CERTIFICATE-----\n')]"
        ),
        "a CA's file": lambda d: d.ca("a", "[concat('@', parameters('secret'))]"),
        "a backend": lambda d: d.element("backendAddressPools", "pool").update(
            backendAddresses=[{"ipAddress": "[parameters('secret')]"}]
        ),
        "a reference": lambda d: d.element("httpListeners", "strict").update(
            sslProfile={"id": "[concat('/sslProfiles/', parameters('secret'))]"}
        ),
        "a policy": lambda d: d.body["properties"].update(
            sslPolicy={"policyType": "Predefined", "policyName": "[parameters('secret')]"}
        ),
        "a member's name": lambda d: d.body["properties"].update({"[parameters('secret')]": 1}),
        "a reference to a resource": lambda d: d.body.update(location="[reference(parameters('secret')).location]"),
    }

    def test_a_secret_is_nowhere_printed(self) -> None:
        for where, put in self.PLACES.items():
            for secret in (SECRET, SECRET + "!" * 300, f"-{SECRET}\n"):
                with self.subTest(where, secret=secret[:40]):
                    document = standard(8080)
                    put(document)
                    path = written(
                        "template.json", json.dumps(template_of(document, {"secret": {"type": "securestring"}}))
                    )
                    parameters = written("parameters.json", json.dumps({"secret": secret}))
                    host = written("portcullis.yaml", to_yaml({"unenforced": ["waf"], "access_log": {"path": "off"}}))
                    for command in ("check", "show", "run"):
                        done = self.ended(command, path, "--parameters", parameters, "--host", host)
                        if done is not None:
                            self.assertNotIn(SECRET.lower(), (done.stdout + done.stderr).lower())

    def ended(self, command: str, *arguments: Any) -> Optional[subprocess.CompletedProcess[str]]:
        """`run` is tried only where it refuses: what it says then is what may spell the secret."""
        if command == "run" and run_command("check", *arguments).returncode == 0:
            return None
        return run_command(command, *arguments)

    def test_nor_in_what_a_serving_gateway_writes(self) -> None:
        backend = Backend()
        self.addCleanup(backend.stop)
        document = standard(backend.port).certificate(data=f"@{pki().server_pfx}", password="[parameters('secret')]")
        template = template_of(document, {"secret": {"type": "securestring"}})
        parameters = written("parameters.json", json.dumps({"secret": Pki.PASSWORD}))
        gateway = Gateway(standard(backend.port), arguments=("--parameters", str(parameters)))
        gateway.write(json.dumps(template))
        with gateway:
            with gateway.tls(STRICT, pki().good) as wire:
                self.assertEqual(wire.request().status, 200)
            parameters.write_text(json.dumps({"secret": SECRET}))
            gateway.reload(expect="reload.failed")
            with gateway.tls(STRICT, pki().good) as wire:
                self.assertEqual(wire.request().status, 200, "the old document goes on")
        for said in (gateway.words(), gateway.access_path.read_text()):
            self.assertNotIn(SECRET, said)
            self.assertNotIn(Pki.PASSWORD, said)


class Published(unittest.TestCase):
    def test_the_documented_template_is_shown_without_expressions(self) -> None:
        templates.skip_where_absent()
        parameters = {
            "name": "edge",
            "certData": base64.b64encode(pki().server_pfx.read_bytes()).decode(),
            "certPassword": Pki.PASSWORD,
            "clientCaData": pki().int_a.bundle(),
        }
        file = written("parameters.json", json.dumps(parameters))
        done = run_command("show", templates.DIRECTORY / templates.STRICT, "--parameters", file)
        self.assertEqual(done.returncode, 0, done.stderr)
        shown = json.loads(done.stdout)
        self.assertEqual(shown["name"], "edge")
        self.assertNotIn("[parameters", done.stdout)
        self.assertNotIn(parameters["certData"][:60], done.stdout)
        (ca,) = shown["properties"]["trustedClientCertificates"]
        self.assertEqual(ca["properties"]["clientCertIssuerDN"], "CN=Contoso Int A, O=Contoso, C=US")


if __name__ == "__main__":
    main()
