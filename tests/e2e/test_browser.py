"""A real browser with a client certificate: headless Chromium, with a profile and a certificate database of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import unittest
from pathlib import Path

from harness import env
from harness.case import GatewayCase, main
from harness.document import STRICT, Document, standard
from harness.pki import Identity, openssl, pki

POLICIES = Path("/etc/chromium")


def unavailable() -> str:
    for program in ("chromium", "certutil", "pk12util", "unshare"):
        if shutil.which(program) is None:
            return f"no {program}: ./dev setup test"
    # Chromium takes the choice of a client certificate from a machine-wide policy only; ours lies over it in a mount
    # namespace that ends with the browser.
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], check=False).returncode != 0:
        return "no leave to make a mount namespace"
    return ""


@unittest.skipIf(unavailable(), unavailable())
class Browser(GatewayCase):
    @classmethod
    def document(cls) -> Document:
        made = standard(cls.backend.port)
        made.http2()
        return made

    def home(self, identity: Identity | None) -> Path:
        """A home directory whose certificate database trusts the server's root and holds the client's certificate."""
        home = env.new_dir("browser")
        database = home / ".pki" / "nssdb"
        database.mkdir(parents=True)
        name = f"sql:{database}"

        def run(*command: str | Path) -> None:
            subprocess.run([*map(str, command)], check=True, capture_output=True, timeout=60)

        run("certutil", "-N", "--empty-password", "-d", name)
        run("certutil", "-A", "-d", name, "-n", "root", "-t", "C,,", "-i", pki().server_root.certificate)
        if identity:
            pfx = home / "client.pfx"
            openssl(
                "pkcs12", "-export", "-in", identity.chain, "-inkey", identity.key, "-out", pfx, "-passout", "pass:x"
            )
            run("pk12util", "-i", pfx, "-d", name, "-W", "x")
        managed = home / "etc" / "policies" / "managed"
        managed.mkdir(parents=True)
        choice = json.dumps({"pattern": "https://localhost", "filter": {}})
        (managed / "client.json").write_text(json.dumps({"AutoSelectCertificateForUrls": [choice]}))
        return home

    def visit(self, path: str, identity: Identity | None) -> str:
        home = self.home(identity)
        url = f"https://localhost:{self.gateway.port(STRICT)}{path}"
        browser = [
            "chromium",
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-proxy-server",
            "--disable-background-networking",
            f"--user-data-dir={home}/profile",
            "--virtual-time-budget=5000",
            "--dump-dom",
            url,
        ]
        script = f'mount --bind {home}/etc {POLICIES} && exec "$@"'
        run = subprocess.run(
            ["unshare", "--mount", "sh", "-c", script, "sh", *browser],
            capture_output=True,
            text=True,
            timeout=env.patience(60),
            env={**os.environ, "HOME": str(home)},
            check=False,
        )
        return run.stdout + "\n" + run.stderr

    def test_a_browser_with_a_certificate_is_served_over_http2(self) -> None:
        path = "/" + self.token()
        page = self.visit(path, pki().good)
        self.assertIn(path, page, page)
        line = self.gateway.access_for(path)
        self.assertEqual((line.status, line.verify, line.properties["httpVersion"]), (200, "SUCCESS", "HTTP/2.0"), page)

    def test_a_browser_without_one_is_told_so(self) -> None:
        page = self.visit("/" + self.token(), None)
        self.assertIn("No required SSL certificate was sent", page)


if __name__ == "__main__":
    main()
