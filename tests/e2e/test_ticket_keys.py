"""Ticket keys that several processes share: the file, its reload, and what is refused.

mtls-invariants I1, I2, I14.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from harness import client, env
from harness.case import GatewayCase, main
from harness.document import Document
from harness.gateway import Gateway, run_command, token
from harness.pki import pki
import test_sessions  # not its classes by name: they would run here too
from test_sessions import document


def key() -> str:
    return secrets.token_hex(80)


def key_file(*lines: str, mode: int = 0o600) -> Path:
    path = env.scratch() / token("keys")
    path.touch(mode=0o600)
    path.write_text("".join(line + "\n" for line in lines))
    path.chmod(mode)
    return path


def host(path: Path, **more: object) -> dict[str, Any]:
    return {"client_auth": {"sessions": "tickets", "ticket_key_file": str(path), **more}}


class SharedKeys(GatewayCase):
    """Two processes with one key file, and a third with keys of its own."""

    session, resume = test_sessions.Sessions.session, test_sessions.Sessions.resume

    @classmethod
    def document(cls) -> Document:
        return document(cls.backend.port)

    @classmethod
    def host(cls) -> dict[str, Any]:
        cls.path = key_file(key())
        return host(cls.path)

    def test_I1_another_process_with_the_same_keys_and_policy_resumes(self) -> None:
        with Gateway(self.document(), host(self.path)) as twin:
            for version in client.BOTH:
                session = self.session(version)
                for sni, resumes in (("a.test", True), (None, True), ("twin.test", False), ("b.test", False)):
                    with self.subTest(version=version, sni=sni):
                        run, line = self.resume(session, version, sni=sni, host=sni or "a.test", gateway=twin)
                        self.assertEqual(run.reused, resumes)
                        verdict = (200, "SUCCESS") if resumes else (400, "NONE")
                        self.assertEqual((run.response.status, line.verify), verdict)
                # What that process issues is good here.
                self.gateway, first = twin, self.gateway
                try:
                    session = self.session(version)
                finally:
                    self.gateway = first
                self.assertTrue(self.resume(session, version)[0].reused)

    def test_I1_another_policy_under_the_same_names_and_keys_does_not(self) -> None:
        strangers = {
            "another CA": self.document().ca("a", pki().int_b.bundle()),
            "a CA of the same name": self.document().ca("a", pki().twin_int_a.bundle()),
            "another gateway": self.renamed(),
        }
        for what, theirs in strangers.items():
            with Gateway(theirs, host(self.path)) as other:
                for version in client.BOTH:
                    with self.subTest(other=what, version=version):
                        run, line = self.resume(self.session(version), version, gateway=other)
                        self.assertFalse(run.reused)
                        self.assertEqual((run.response.status, line.verify), (400, "NONE"))

    def renamed(self) -> Document:
        made = Document("another")
        made.body = json.loads(json.dumps(self.document().body).replace("/applicationGateways/gw/", "/applicationGateways/another/"))
        made.body["name"] = "another"
        return made

    def test_I1_the_same_policy_under_other_keys_does_not(self) -> None:
        with Gateway(self.document(), host(key_file(key()))) as other:
            for version in client.BOTH:
                with self.subTest(version=version):
                    run, line = self.resume(self.session(version), version, gateway=other)
                    self.assertFalse(run.reused)
                    self.assertEqual((run.response.status, line.verify), (400, "NONE"))


class KeyFile(GatewayCase):
    session, resume = test_sessions.Sessions.session, test_sessions.Sessions.resume

    @classmethod
    def document(cls) -> Document:
        return document(cls.backend.port)

    def test_I2_a_restart_with_the_same_keys_changes_nothing(self) -> None:
        path = key_file(key())
        first = Gateway(self.document(), host(path)).start()
        self.gateway = first
        try:
            held = {version: self.session(version) for version in client.BOTH}
        finally:
            first.stop()
        with Gateway(self.document(), host(path)) as second:
            for version, session in held.items():
                with self.subTest(version=version):
                    self.assertTrue(self.resume(session, version, gateway=second)[0].reused)

    def test_keys_are_exchanged_at_sighup(self) -> None:
        old, new = key(), key()
        path = key_file(old)
        with Gateway(self.document(), host(path)) as gateway:
            self.gateway = gateway
            held = {version: self.session(version) for version in client.BOTH}
            path.write_text(f"{new}\n{old}\n")
            gateway.reload()
            for version, session in held.items():
                with self.subTest(version=version):
                    self.assertTrue(self.resume(session, version)[0].reused, "the old key opens no more")
            made_since = {version: self.session(version) for version in client.BOTH}
            path.write_text(f"{new}\n")
            gateway.reload()
            for version in client.BOTH:
                with self.subTest(version=version):
                    self.assertFalse(self.resume(held[version], version)[0].reused, "a key that is gone opens")
                    self.assertTrue(self.resume(made_since[version], version)[0].reused)

    def test_I14_a_bad_file_refuses_the_document_and_the_old_keys_go_on(self) -> None:
        good = key()
        path = key_file(good)
        bad = {
            "short": (good[:-2] + "\n", 0o600, "TicketKeyFileInvalid"),
            "twice": (f"{good}\n{good}\n", 0o600, "TicketKeyFileInvalid"),
            "zeros": ("0" * 160 + "\n", 0o600, "TicketKeyFileInvalid"),
            "empty": ("", 0o600, "TicketKeyFileInvalid"),
            "read by the group": (good + "\n", 0o640, "TicketKeyFileExposed"),
            "read by all": (good + "\n", 0o644, "TicketKeyFileExposed"),
            "gone": (None, 0o600, "TicketKeyFileUnreadable"),
        }
        with Gateway(self.document(), host(path)) as gateway:
            self.gateway = gateway
            session = self.session("1.3")
            for what, (text, mode, code) in bad.items():
                with self.subTest(file=what):
                    if text is None:
                        path.unlink()
                    else:
                        path.write_text(text)
                        path.chmod(mode)
                    gateway.reload(expect="reload.failed")
                    said = [line for line in gateway.events("document.error") if line["code"] == code]
                    self.assertTrue(said, gateway.words())
                    self.assertEqual(said[-1]["pointer"], "/client_auth/ticket_key_file")
                    self.assertNotIn(good[20:60], gateway.words(), "a key in the log")
                    self.assertTrue(self.resume(session, "1.3")[0].reused)
                    checked = run_command("check", gateway.document_path, "--host", gateway.host_path)
                    self.assertEqual(checked.returncode, 1)
                    self.assertIn(f"error {code} /client_auth/ticket_key_file", checked.stdout + checked.stderr)

    def test_keys_without_tickets_are_a_warning(self) -> None:
        given = {"client_auth": {"ticket_key_file": str(key_file(key()))}}
        with Gateway(self.document(), given) as gateway:
            self.assertIn("TicketKeyFileUnused", [line["code"] for line in gateway.events("document.warning")])
            self.gateway = gateway
            self.assertTrue(self.resume(self.session("1.3"), "1.3")[0].reused)


if __name__ == "__main__":
    main()
