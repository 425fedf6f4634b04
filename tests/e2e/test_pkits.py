"""NIST's PKITS as client chains (../shared/data/pkits): what a live listener makes of each, and that `explain` says the same.

mtls-invariants I7; azure-semantics §1.2, §1.7, §6.1. None of the cases fixes a time or a depth: the certificates are valid
until 2030, and the listener judges by the real clock.
"""

from __future__ import annotations

import json
import re
import ssl
import unittest
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness import client, env
from harness.case import GatewayCase, main
from harness.document import Document
from harness.pki import Identity

CASES = env.SHARED / "data" / "pkits" / "cases.json"
STRICT, PASSTHROUGH = 443, 444
MODES = {"strict": STRICT, "passthrough": PASSTHROUGH}
# A DSA key cannot sign a handshake of TLS 1.3 (RFC 8446 §4.2.3).
DSA_LEAF = ("pkits::40104", "pkits::40106")
# No TLS client can send it: the leaf inherits its DSA parameters, and OpenSSL reads no key that lacks them. (INFO, not MUST.)
UNSENDABLE = ("pkits::40105_valid_dsa_parameter_inheritance_test5",)


@dataclass(frozen=True)
class Case:
    id: str
    kind: str  # MUST, CRL, INFO
    expect: str
    identity: Identity

    @property
    def versions(self) -> tuple[str, ...]:
        if self.id in UNSENDABLE:
            return ()
        return ("1.2",) if self.id.startswith(DSA_LEAF) else client.BOTH

    @property
    def name(self) -> str:
        return re.sub(r"\W+", "-", self.id)


@lru_cache(maxsize=None)
def cases() -> tuple[list[str], list[Case]]:
    """The trusted roots that all cases share, and the cases."""
    if not CASES.is_file():
        raise unittest.SkipTest(f"no {CASES}: name the shared data by PORTCULLIS_SHARED")
    directory = env.new_dir("pkits")
    raw = json.loads(CASES.read_text())
    made = []
    for number, one in enumerate(raw):
        assert one["time"] is None and one["depth"] is None, f"{one['id']} fixes a time or a depth"
        assert one["trusted"] == raw[0]["trusted"], f"{one['id']} trusts another root"
        chain, key = directory / f"{number}.pem", directory / f"{number}.key"
        chain.write_text("".join(pem.strip() + "\n" for pem in one["chain"]))
        key.write_text(one["key"])
        made.append(Case(one["id"], one["class"], one["expect"], Identity(one["id"], chain, key)))
    return raw[0]["trusted"], made


@dataclass
class Seen:
    """What a listener did with a chain."""

    sent: list[bytes]  # the DER that the client put on the wire; TLS 1.2 only
    status: int
    target: str


def certificates(chain: Path) -> list[bytes]:
    blocks = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", chain.read_text(), re.S)
    return [ssl.PEM_cert_to_DER_cert(block) for block in blocks]


def certificates_sent(records: bytes) -> list[bytes]:
    """The Certificate message among a TLS 1.2 client's records (RFC 5246 §7.4.2), which are clear up to its Finished."""
    messages = b""
    while records and records[0] == 22:
        size = int.from_bytes(records[3:5], "big")
        messages, records = messages + records[5 : 5 + size], records[5 + size :]
    while messages:
        kind, size = messages[0], int.from_bytes(messages[1:4], "big")
        if kind == 11:
            rest, found = messages[7 : 4 + size], []
            while rest:
                one = int.from_bytes(rest[:3], "big")
                found.append(rest[3 : 3 + one])
                rest = rest[3 + one :]
            return found
        messages = messages[4 + size :]
    return []


class Recording(client.Handshake):
    """Keeps every byte of the client's handshake."""

    said = b""

    def _flush(self, limit: Any, piece: Any) -> bool:
        data = self.outgoing.read()
        self.said += data
        self.wire.send(data)
        return True


class Pkits(GatewayCase):
    @classmethod
    def document(cls) -> Document:
        roots, _ = cases()
        document = Document().pool("pool", "127.0.0.1").settings("http", cls.backend.port).certificate()
        document.ca("root", "".join(roots))
        for mode, port in MODES.items():
            document.profile(mode, mode.capitalize(), ["root"]).listener(mode, port, mode).rule(f"to-{mode}", mode)
        return document

    @classmethod
    def setUpClass(cls) -> None:
        cases()  # skips before anything is started
        super().setUpClass()
        with ThreadPoolExecutor(4) as pool:
            listed = [(case, mode, version) for case in cases()[1] for mode in MODES for version in case.versions]
            cls.seen = dict(zip(listed, pool.map(lambda one: cls.present(*one), listed)))
            asked = [(case, mode) for case in cases()[1] for mode in MODES]
            cls.told = dict(zip(asked, pool.map(lambda one: cls.gateway.explain(one[1], one[0].identity), asked)))
        cls.gateway.access_where("all requests", lambda line: True, len(cls.seen))
        cls.lines = {line.properties["originalRequestUriWithArgs"]: line for line in cls.gateway.access()}

    @classmethod
    def present(cls, case: Case, mode: str, version: str) -> Seen:
        target = f"/{case.name}/{mode}/{version}"
        with_handshake = Recording(cls.gateway.port(MODES[mode]), case.identity, version)
        with_handshake.run()
        sent = certificates_sent(with_handshake.said) if version == "1.2" else []
        with_handshake.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        head = b""
        while b"\r\n" not in head:
            head += with_handshake.read()
        with_handshake.wire.close()
        return Seen(sent, int(head.split()[1]), target)

    def test_I7_the_chain_of_the_case_is_what_was_sent(self) -> None:
        for (case, mode, version), seen in self.seen.items():
            if version == "1.2":
                with self.subTest(case=case.id, mode=mode):
                    self.assertEqual(seen.sent, certificates(case.identity.chain))

    def test_I7_every_must_case_is_decided_as_expected(self) -> None:
        decided = 0
        for (case, mode, version), seen in self.seen.items():
            if mode != "strict" or case.kind != "MUST":
                continue
            with self.subTest(case=case.id, version=version):
                admitted = case.expect == "ACCEPT"
                line = self.lines[seen.target]
                self.assertEqual((seen.status, line.status), (200, 200) if admitted else (400, 400), line.verify)
                self.assertEqual(line.verify == "SUCCESS", admitted)
                self.assertEqual(line.properties["sslProtocol"], f"TLSv{version}")
                decided += 1
        self.assertGreaterEqual(decided, 2 * 140 - 1)

    def test_passthrough_proxies_every_chain(self) -> None:
        for (case, mode, version), seen in self.seen.items():
            if mode == "passthrough":
                with self.subTest(case=case.id, version=version):
                    self.assertEqual((seen.status, self.lines[seen.target].verify), (200, "PASSTHROUGH"))

    def test_what_cannot_be_sent_ends_the_handshake_for_explain_too(self) -> None:
        for case in cases()[1]:
            if case.id in UNSENDABLE:
                self.assertNotEqual(case.kind, "MUST")
                with self.assertRaises(ssl.SSLError):
                    client.tls_context(case.identity)
                code, told = self.told[case, "strict"]
                self.assertEqual((code, told["status"], told["admitted"]), (2, 0, False))
                self.assertEqual(told["reason"], "tls.handshake_failed")
                self.assertIn("public key cannot be read", told["handshake"])

    def test_both_versions_and_the_shadow_agree(self) -> None:
        for case in cases()[1]:
            with self.subTest(case=case.id):
                said = {self.lines[f"/{case.name}/strict/{version}"].verify for version in case.versions}
                said |= {shadow_of(self.lines[f"/{case.name}/passthrough/{version}"]) for version in case.versions}
                self.assertLessEqual(len(said), 1)

    def test_explain_agrees_with_the_listener_each_time(self) -> None:
        for (case, mode, version), seen in self.seen.items():
            with self.subTest(case=case.id, mode=mode, version=version):
                code, told = self.told[case, mode]
                line = self.lines[seen.target]
                self.assertEqual(told["status"], seen.status)
                self.assertEqual(told["sslClientVerify"], line.verify)
                self.assertEqual(told["reason"], line.own.get("reason", ""))
                self.assertEqual(told["admitted"], seen.status == 200)
                self.assertEqual(code, 0 if seen.status == 200 else 2)
                self.assertEqual(len(told["presented"]), len(certificates(case.identity.chain)))
                if mode == "passthrough":
                    self.assertEqual(told["shadow"]["sslClientVerify"], shadow_of(line))
                    self.assertEqual(told["shadow"]["reason"], self.told[case, "strict"][1]["reason"])


def shadow_of(line: Any) -> str:
    return line.own["strictWouldSay"]


if __name__ == "__main__":
    main()
