"""A reload that weakens client authentication is named in the log (mtls-invariants I22)."""

from __future__ import annotations

import json
from typing import Any, Callable

from harness.case import GatewayCase, main
from harness.document import STRICT, Document, standard
from harness.pki import pki


def rename(document: Document, name: str) -> None:
    text = json.dumps(document.body)
    document.body = json.loads(text.replace(f"/applicationGateways/{document.name}/", f"/applicationGateways/{name}/"))
    document.body["name"] = document.name = name


class Weakening(GatewayCase):
    def setUp(self) -> None:
        for key in ("client_auth", "revocation"):
            self.gateway.host.pop(key, None)
        self.gateway.reload(standard(self.backend.port))

    def said(self, change: Callable[[Document], Any], **host: Any) -> list[tuple[str, str, str, str]]:
        """What the log says of a reload with this change."""
        before = len(self.gateway.events("auth.weakened"))
        document = standard(self.backend.port)
        change(document)
        self.gateway.host.update(host)
        self.gateway.reload(document)
        found = self.gateway.events("auth.weakened")[before:]
        self.assertTrue(all(line["level"] == "warn" for line in found))
        return [(line["what"], line["listener"], line["before"], line["after"]) for line in found]

    def test_each_way_is_named_with_what_was_before(self) -> None:
        ca_b = pki().int_b
        cases: dict[str, tuple[Callable[[Document], Any], list[tuple[str, str, str, str]]]] = {
            "passthrough": (
                lambda d: d.profile("strict", "Passthrough", ["a"]),
                [("client_auth.mode", "strict", "Strict", "Passthrough")],
            ),
            "profile removed": (
                lambda d: d.element("httpListeners", "strict").pop("sslProfile"),
                [("client_auth.mode", "strict", "Strict", "None")],
            ),
            "issuer-DN rule off": (
                lambda d: d.profile("strict-dn", "Strict", ["a"]),
                [("client_auth.issuer_dn", "strict-dn", "true", "false")],
            ),
        }
        for name, (change, expected) in cases.items():
            with self.subTest(name):
                self.setUp()
                self.assertEqual(self.said(change), expected)
        self.setUp()
        added = self.said(lambda d: d.profile("strict", "Strict", ["a", "b"]))
        self.assertEqual([line[:3] for line in added], [("client_auth.trusted_ca", "strict", "")] * 2)
        self.assertTrue(any(line[3].startswith(ca_b.subject()) for line in added), added)

    def test_the_host_file_counts(self) -> None:
        said = self.said(lambda d: None, client_auth={"verify_depth": 12, "session_lifetime": "9h"})
        self.assertEqual(
            said,
            [("client_auth.verify_depth", "", "10", "12"), ("client_auth.session_lifetime", "", "28800s", "32400s")],
        )

        self.gateway.host["revocation"] = {"nonce": True}
        self.gateway.reload(standard(self.backend.port))
        self.assertEqual(self.said(lambda d: None, revocation={}), [("revocation.nonce", "", "true", "false")])

    def test_who_serves_a_host_is_compared_whatever_its_name(self) -> None:
        def renamed(document: Document) -> None:
            document.profile("strict", "Passthrough", ["a"])
            rename(document, "another")

        self.assertEqual(self.said(renamed), [("client_auth.mode", "strict", "Strict", "Passthrough")])
        self.assertEqual(self.gateway.events("auth.weakened")[-1]["gateway"], "another")
        self.assertEqual(self.said(lambda d: d.profile("strict", "Passthrough", ["a"])), [])
        self.setUp()

        def beside(document: Document) -> None:
            document.listener("new", STRICT, "passthrough", host="new.test").rule("to-new", "new", priority=1)

        self.assertEqual(self.said(beside), [("client_auth.mode", "new", "Strict", "Passthrough")])

    def test_nothing_is_said_of_what_is_as_strict_or_stricter(self) -> None:
        changes: list[Callable[[Document], Any]] = [
            lambda d: None,
            lambda d: d.profile("strict", "Strict", ["a"], dn=True),
            lambda d: d.profile("passthrough", "Strict", ["a"]),
            lambda d: d.rewrite("identity", {}, {"X-Other": "1"}),
            lambda d: rename(d, "another"),
        ]
        for change in changes:
            self.setUp()
            self.assertEqual(self.said(change), [])

    def test_a_reload_that_fails_says_nothing_and_is_not_what_the_next_is_compared_with(self) -> None:
        self.gateway.reload('{"broken": ', expect="reload.failed")
        self.assertEqual(self.said(lambda d: d.profile("strict", "Passthrough")), [("client_auth.mode", "strict", "Strict", "Passthrough")])


if __name__ == "__main__":
    main()
