#!/usr/bin/python3
"""README.md keeps its word: every shell command that it shows is run, every link leads somewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import unittest

from harness import client, env
from harness.azure import as_az_prints, template_of
from harness.case import main
from harness.document import standard
from harness.gateway import environment, run_command
from harness.pki import pki

README = env.ROOT / "README.md"
BLOCK = re.compile(r"(?:<!-- test: (\w+) -->\n)?```sh\n(.*?)^```", re.S | re.M)


def blocks() -> list[tuple[str, str]]:
    """(what the test does with it, commands) of every block of shell commands."""
    return BLOCK.findall(README.read_text())


def free_pair() -> int:
    """Two ports in a row."""
    while True:
        port = env.free_port()
        try:
            client.tcp(port + 1).close()
        except OSError:
            return port


class Readme(unittest.TestCase):
    maxDiff = None

    def test_every_block_is_exercised(self) -> None:
        kinds = [kind for kind, _ in blocks()]
        self.assertEqual(sorted(kinds), ["azure", "demo", "run"], "a block without a mark is a command that nobody tries")

    def test_the_two_commands_are_verbs_of_dev(self) -> None:
        """They build, so they are not run from a test; what `demo` starts is."""
        usage = subprocess.run([env.ROOT / "dev", "help"], capture_output=True, text=True, check=True).stdout
        (commands,) = [text for kind, text in blocks() if kind == "demo"]
        verbs = re.findall(r"^\./dev (\w+)", commands, re.M)
        self.assertEqual(verbs, ["demo", "test"])
        for verb in verbs:
            self.assertRegex(usage, rf"(?m)^  {verb} ")

    @unittest.skipUnless(client.have("curl"), "no curl")
    def test_the_demonstration_shows_the_three_clients(self) -> None:
        directory = env.new_dir("demo") / "files"
        done = run_command("demo", "--once", "--dir", directory, "--port-base", str(free_pair()), timeout=40)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for line in ("ok   admitted: status 200", "ok   refused: status 400", "ok   passed through: status 200"):
            self.assertIn(line, done.stdout)
        records = [json.loads(line) for line in (directory / "access.log").read_text().splitlines()]
        self.assertCountEqual(  # each worker writes its own lines
            [record["properties"]["sslClientVerify"] for record in records],
            ["SUCCESS", "FAILED:certificate has expired", "PASSTHROUGH"],
        )

    @unittest.skipUnless(client.have("curl"), "no curl")
    def test_your_own_document_works_as_shown(self) -> None:
        (script,) = [text for kind, text in blocks() if kind == "run"]
        ports = {"8443": free_pair(), "8080": env.free_port()}
        for shown, free in ports.items():
            self.assertIn(shown, script)
            script = script.replace(shown, str(free))
        self.assertIn("demo --once", script)
        script = script.replace("demo --once", f"demo --once --port-base {free_pair()}")
        self.assertIn('"$PWD/build/release:$PATH"', script)
        script = script.replace("$PWD/build/release", str(env.BINARY.parent))
        directory = env.new_dir("readme")
        # Background processes must not outlive a failure: a shell that ends early takes them along.
        script = "trap 'kill $GATEWAY $BACKEND 2>/dev/null || :' EXIT\nset -eu\n" + script
        done = subprocess.run(
            ["/bin/sh", "-c", script],
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=env.patience(60),
            env={**environment(), "no_proxy": "localhost"},
        )
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, said)
        self.assertIn("gateway.yaml: good, 0 errors, 0 warnings", done.stdout)
        self.assertIn("sslClientVerify=SUCCESS\nreason     -\nadmitted\n", done.stdout)
        self.assertEqual(done.stdout.count("hello, device"), 2, "once from the backend itself, once through the gateway")
        self.assertIn("400 No required SSL certificate was sent", done.stdout)
        reasons = [
            json.loads(line)["portcullis"]["reason"] for line in (directory / "access.log").read_text().splitlines()
        ]
        self.assertCountEqual(reasons, ["", "client_cert.missing"], said)

    def test_a_template_and_what_az_shows_check_as_shown(self) -> None:
        (script,) = [text for kind, text in blocks() if kind == "azure"]
        directory = env.new_dir("readme")
        (directory / "pki").mkdir()
        (directory / "pki" / "server.pem").write_text(pki().server_pem.read_text())
        document = standard(8080).certificate("web", data="[parameters('certificate')]").remove("sslCertificates", "server")
        document.body["name"] = "[parameters('name')]"
        text = json.dumps(template_of(document, {"name": {"type": "string"}, "certificate": {"type": "securestring"}}))
        text = text.replace("/sslCertificates/server", "/sslCertificates/web").replace("ways/gw/", "ways/edge/")
        (directory / "azuredeploy.json").write_text(text)
        values = {"name": {"value": "edge"}, "certificate": {"value": "@pki/server.pem"}}
        (directory / "azuredeploy.parameters.json").write_text(json.dumps({"parameters": values}))
        (directory / "portcullis.yaml").write_text("bind: {fip: 127.0.0.1}\n")
        files = (directory / "azuredeploy.json", "--parameters", directory / "azuredeploy.parameters.json")
        printed = as_az_prints(json.loads(run_command("show", *files).stdout))
        (directory / "printed.json").write_text(json.dumps(printed, indent=2))
        az = directory / "bin" / "az"
        az.parent.mkdir()
        az.write_text('#!/bin/sh\n[ "$1 $2 $3" = "network application-gateway show" ] && cat printed.json\n')
        az.chmod(0o755)
        done = subprocess.run(
            ["/bin/sh", "-c", f"set -eu\n{script}"],
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=env.patience(30),
            env={**environment(), "PATH": f"{az.parent}:{env.BINARY.parent}:{os.environ['PATH']}"},
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn("azuredeploy.json: good, 0 errors", done.stdout)
        self.assertIn("\nedge.json: good, 0 errors", done.stdout)
        shown = (directory / "evaluated.json").read_text()
        self.assertEqual(json.loads(shown)["name"], "edge")
        self.assertNotIn("[parameters", shown)
        self.assertNotIn("PRIVATE", shown)

    def test_every_link_leads_to_a_file(self) -> None:
        for name in ("README.md", "CONTRIBUTING.md"):
            for target in re.findall(r"\]\((?!https?:)([^)#]+)", (env.ROOT / name).read_text()):
                self.assertTrue((env.ROOT / target).exists(), f"{name} links to {target}")

    def test_paths_that_contributing_names_exist(self) -> None:
        text = (env.ROOT / "CONTRIBUTING.md").read_text()
        for path in sorted(set(re.findall(r"`((?:src|tools|tests)/[\w./]+\.(?:h|cc|py|txt))`", text))):
            self.assertTrue((env.ROOT / path).exists(), path)

    def test_it_stays_short(self) -> None:
        self.assertLessEqual(len(README.read_text().splitlines()), 150)


if __name__ == "__main__":
    main()
