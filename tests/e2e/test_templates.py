"""The main job on real input: the documented templates' gateways, unchanged, with nginx from Debian behind them and curl in
front. Every row of azure-semantics §6.1 that needs no OCSP × TLS 1.2 and 1.3 × fresh and resumed.
"""

from __future__ import annotations

import json
import re
import socket
import time
import unittest
import urllib.parse
from typing import Optional

from harness import client, env, templates
from harness.backend import Nginx
from harness.case import main
from harness.gateway import Gateway, run_command, token
from harness.pki import Identity, pki

BACKEND_PORT = 8081  # as the templates have it
CLIENTS = ("good", "expired", "not_yet", "untrusted", "server_auth", None)
STRICT_VERIFY = {
    "good": "SUCCESS",
    "expired": "FAILED:certificate has expired",
    "not_yet": "FAILED:certificate is not yet valid",
    "untrusted": "FAILED:unable to verify the first certificate",
    "server_auth": "FAILED:unsupported certificate purpose",
    None: "NONE",
}
TITLES = {True: "400 The SSL certificate error", False: "400 No required SSL certificate was sent"}


def identity_of(name: Optional[str]) -> Optional[Identity]:
    return getattr(pki(), name) if name else None


class Checked(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        templates.skip_where_absent()

    def check(self, tree: object) -> tuple[int, str]:
        path = env.new_dir("template") / "gateway.json"
        path.write_text(json.dumps(tree))
        done = run_command("check", path)
        return done.returncode, done.stdout + done.stderr

    def test_the_resource_and_the_filled_template_pass_check(self) -> None:
        for name in (templates.STRICT, templates.PASSTHROUGH):
            template = templates.filled(name)
            for form, tree in (("template", template), ("resource", template["resources"][0])):
                with self.subTest(name, form=form):
                    code, said = self.check(tree)
                    self.assertEqual(code, 0, said)

    def test_a_template_without_its_values_is_refused_with_a_place(self) -> None:
        code, said = self.check(templates.raw(templates.STRICT))
        self.assertEqual(code, 1)
        self.assertRegex(said, r"(?m)^error \S+ /(parameters|resources)/\S+: .{20}")


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        templates.skip_where_absent()
        if not client.have("nginx", "curl"):
            raise unittest.SkipTest("nginx or curl is not installed")
        cls.addClassCleanup(_claim(BACKEND_PORT).close)
        cls.nginx = Nginx(BACKEND_PORT)
        cls.addClassCleanup(cls.nginx.stop)
        cls.gateways = {}
        for name in (templates.STRICT, templates.PASSTHROUGH):
            gateway = Gateway("")
            gateway.ports[443] = env.free_port()
            gateway.write(json.dumps(templates.filled(name)["resources"][0]))
            cls.gateways[name] = gateway.start()
            cls.addClassCleanup(gateway.stop)

    def fresh_and_resumed(self, template: str, name: Optional[str], version: str) -> list[tuple[client.Curl, object]]:
        """Two connections of one curl, which takes the first one's session to the second where it got one."""
        gateway = self.gateways[template]
        target = "/" + token("curl")
        urls = [f"https://localhost:{gateway.port(443)}{target}/{turn}" for turn in ("fresh", "resumed")]
        run = client.curl("-H", "Connection: close", *urls, identity=identity_of(name), version=version)
        self.assertEqual(run.exit_code, 0, run.error)
        lines = [gateway.access_for(f"{target}/{turn}") for turn in ("fresh", "resumed")]
        statuses = [result["response_code"] for result in run.results]
        self.assertEqual(statuses, [line.status for line in lines])
        self.assertEqual([result["num_connects"] for result in run.results], [1, 1])
        return run, lines, target  # type: ignore[return-value]

    def saw(self, target: str) -> list[tuple[str, str, str]]:
        """(target, X-Client-Cert-Verify, X-Client-Cert) of what reached nginx; "-" where a header was absent."""
        rows = [line.split(" ") for line in self.nginx.access.read_text().splitlines()]
        return [tuple(row) for row in rows if row[0].startswith(target)]  # type: ignore[misc]

    def test_strict(self) -> None:
        for name in CLIENTS:
            for version in client.BOTH:
                with self.subTest(client=name or "none", version=version):
                    run, lines, target = self.fresh_and_resumed(templates.STRICT, name, version)
                    good = name == "good"
                    self.assertEqual([line.status for line in lines], [200 if good else 400] * 2)
                    self.assertEqual([line.verify for line in lines], [STRICT_VERIFY[name]] * 2)
                    expected = "ERRORINFO_NO_ERROR" if good else "ERRORINFO_HTTPS_NO_CERT"
                    self.assertEqual([line.error_info for line in lines], [expected] * 2)
                    self.assertEqual({line.properties["sslProtocol"] for line in lines}, {f"TLSv{version}"})
                    if good:
                        self.assertEqual([line.resumed for line in lines], [False, True])
                        escaped = urllib.parse.quote(pki().good.leaf_pem, safe="-")
                        env.wait_until("nginx's log", lambda: len(self.saw(target)) == 2)
                        self.assertEqual({row[1:] for row in self.saw(target)}, {("SUCCESS", escaped)})
                    else:
                        self.assertFalse(lines[0].resumed)
                        self.assertIn(f"<title>{TITLES[name is not None]}</title>", run.body)
                        self.assertIn("<center>Portcullis</center>", run.body)
                        self.assertEqual(self.saw(target), [])

    def test_passthrough(self) -> None:
        for name in CLIENTS:
            for version in client.BOTH:
                with self.subTest(client=name or "none", version=version):
                    run, lines, target = self.fresh_and_resumed(templates.PASSTHROUGH, name, version)
                    self.assertEqual([line.status for line in lines], [200, 200])
                    self.assertEqual([line.resumed for line in lines], [False, True])
                    verify = "PASSTHROUGH" if name else "NONE"
                    self.assertEqual([line.verify for line in lines], [verify] * 2)
                    escaped = urllib.parse.quote(identity_of(name).leaf_pem, safe="-") if name else "-"
                    env.wait_until("nginx's log", lambda: len(self.saw(target)) == 2)
                    self.assertEqual({row[1:] for row in self.saw(target)}, {(verify, escaped)})

    def test_the_issuer_dn_rule_of_the_strict_template(self) -> None:
        run, lines, target = self.fresh_and_resumed(templates.STRICT, "sibling", "1.3")
        self.assertEqual({line.verify for line in lines}, {"FAILED:unable to verify the client certificate issuer"})
        self.assertEqual(self.saw(target), [])

    def test_openssl_as_the_client(self) -> None:
        for version in client.BOTH:
            for template, name, status in (
                (templates.STRICT, "good", 200),
                (templates.STRICT, "expired", 400),
                (templates.STRICT, None, 400),
                (templates.PASSTHROUGH, "expired", 200),
            ):
                with self.subTest(template, client=name, version=version):
                    session = env.scratch() / token("s")
                    port = self.gateways[template].port(443)
                    how = dict(identity=identity_of(name), version=version)
                    run = client.s_client(port, session_out=session, **how)
                    self.assertEqual(run.response.status, status)
                    if session.exists():
                        run = client.s_client(port, session_in=session, **how)
                        self.assertEqual(run.response.status, status)

    def test_refusals_close_the_connection(self) -> None:
        port = self.gateways[templates.STRICT].port(443)
        run = client.curl(f"https://localhost:{port}/1", f"https://localhost:{port}/2", identity=pki().expired)
        self.assertEqual([result["num_connects"] for result in run.results], [1, 1])
        self.assertRegex(run.head, re.compile("^connection: close\r?$", re.I | re.M))


def _claim(port: int) -> socket.socket:
    """Waits until no other test process uses the templates' fixed backend port."""
    deadline = time.monotonic() + 120
    while True:
        name = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            name.bind(f"\0portcullis-e2e-port-{port}")
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
            return name
        except OSError as error:
            name.close()
            if time.monotonic() > deadline:
                raise unittest.SkipTest(f"port {port}, which the templates name, is in use: {error}") from None
            time.sleep(0.2)


if __name__ == "__main__":
    main()
