"""Invariants of client authentication that no other file proves, each test named by its id (mtls-invariants), and the five
scenarios of the issuer-DN rule (azure-semantics §1.5)."""

from __future__ import annotations

import re
import ssl
import unittest
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from harness import client
from harness.case import GatewayCase, main
from harness.document import STRICT, Document, standard
from harness.gateway import run_command
from harness.pki import HOUR, Authority, Identity, pki

SERVER = "extendedKeyUsage=serverAuth"


class More:
    """What pki() lacks: CAs with constraints, clients with several faults."""

    @cached_property
    def below_a2(self) -> Authority:
        return pki()._authority("int-a3", "/C=US/O=Contoso/CN=Contoso Int A3", pki().sibling_a)

    @cached_property
    def direct(self) -> Identity:
        return pki().root_a.issue("direct")

    def faulty(self) -> dict[str, Identity]:
        """At least two errors each."""
        past, future = {"start": -2 * HOUR, "end": -HOUR}, {"start": HOUR}
        weak = ("-newkey", "rsa:1024")
        a = pki().int_a
        return {
            "expired and for servers": a.issue("m1", extensions=(SERVER,), **past),
            "not yet valid and for servers": a.issue("m2", extensions=(SERVER,), **future),
            "expired and weak": a.issue("m3", new_key=weak, **past),
            "weak and for servers": a.issue("m4", new_key=weak, extensions=(SERVER,)),
            "untrusted and expired": pki()._rogue_int.issue("m5", **past),
            "untrusted, alone, for servers": pki()._rogue_int.issue("m6", extensions=(SERVER,), present=()),
            "untrusted with its root, weak, expired": pki()._rogue_int.issue(
                "m7", new_key=weak, present=pki()._rogue_int.chain(), **past
            ),
        }


@lru_cache(maxsize=None)
def more() -> More:
    return More()


class Refusals(GatewayCase):
    def status_of(self, who: Identity, version: str) -> tuple[int, Any]:
        response, line = self.asked(who, version=version)
        return response.status, line

    def test_I6_the_purpose_is_enforced_on_leaf_and_ca(self) -> None:
        both = pki().int_a.issue("both-ekus", extensions=("extendedKeyUsage=serverAuth,clientAuth",))
        client_ca = pki()._authority("client-ca", "/CN=For Clients", pki().root_a, ("extendedKeyUsage=clientAuth",))
        for who, admitted in (
            (pki().good, True),
            (pki().no_eku, True),
            (both, True),
            (client_ca.issue("under-client-ca"), True),
            (pki().server_auth, False),
            (pki().under_server_ca, False),
        ):
            for version in client.BOTH:
                with self.subTest(who=who.name, version=version):
                    status, line = self.status_of(who, version)
                    self.assertEqual(status, 200 if admitted else 400)
                    self.assertEqual(line.own.get("reason", ""), "" if admitted else "client_cert.wrong_purpose")

    def test_I7_what_each_ca_of_a_path_forbids_is_refused(self) -> None:
        root = pki().root_a
        end = pki()._authority("end", "/CN=End", root)
        end_below = pki()._authority("end-below", "/CN=End Below", end)
        none_below = pki()._authority("none-below", "/CN=None Below", root, ("1.2.3.4=critical,ASN1:NULL",))
        named = pki()._authority("named", "/CN=Named", root, ("nameConstraints=critical,permitted;DNS:.contoso.test",))
        elsewhere = named.issue("elsewhere", extensions=("extendedKeyUsage=clientAuth", "subjectAltName=DNS:a.b.test"))
        inside = named.issue("inside", extensions=("extendedKeyUsage=clientAuth", "subjectAltName=DNS:a.contoso.test"))
        odd = pki().int_a.issue("odd", extensions=("extendedKeyUsage=clientAuth", "1.2.3.4=critical,ASN1:NULL"))
        for who, reason in (
            (end_below.issue("deep"), ""),
            (inside, ""),
            (elsewhere, "client_cert.name_constraints"),
            (none_below.issue("below-odd-ca"), "client_cert.critical_extension"),
            (odd, "client_cert.critical_extension"),
            (signed_by_a_leaf(), "client_cert.untrusted_issuer"),
            (forged(), "client_cert.bad_signature"),
        ):
            for version in client.BOTH:
                with self.subTest(who=who.name, version=version):
                    status, line = self.status_of(who, version)
                    self.assertEqual((status, line.own.get("reason", "")), (400 if reason else 200, reason))

    def test_I26_one_error_of_several_is_enough(self) -> None:
        for name, who in more().faulty().items():
            told = self.gateway.explain("strict", who)[1]
            codes = {error["code"] for path in told["paths"] for error in path["errors"]}
            self.assertGreaterEqual(len(codes), 2, f"{name}: {codes}")
            for version in client.BOTH:
                with self.subTest(who=name, version=version):
                    status, line = self.status_of(who, version)
                    self.assertEqual(status, 400)
                    self.assertRegex(line.verify, "^FAILED:")
                    self.assertEqual(line.reason, told["reason"])


def signed_by_a_leaf() -> Identity:
    """A client that issues a certificate as if it were a CA."""
    issuer = pki().good
    fake = pki()._authority("fake", "/C=US/O=Contoso/CN=good", pki().int_a, ("1.2.3.5=ASN1:NULL",))
    made = fake.issue("by-a-leaf", present=())
    # The chain names the true leaf where the forger's CA stood: same name, no CA.
    made.chain.write_text(made.leaf_pem + issuer.leaf_pem + pki().int_a.pem())
    return made


def forged() -> Identity:
    """A good leaf whose signature has one bit turned."""
    made = pki().int_a.issue("forged")
    der = bytearray(made.der())
    der[-1] ^= 1
    made.chain.write_text(ssl.DER_cert_to_PEM_cert(bytes(der)) + pki().int_a.pem())
    return made


class Scenarios(GatewayCase):
    """azure-semantics §1.5: which issuer each shape of a file names."""

    @classmethod
    def document(cls) -> Document:
        p, root = pki(), pki().root_a.pem()
        one, two, three = p.int_a.pem(), p.sibling_a.pem(), more().below_a2.pem()
        leaf = p.good.leaf_pem
        cls.files = {
            "root + intermediate + leaf": (root + one + leaf, p.int_a),
            "root + int1 + int2 + leaf": (root + two + three + leaf, more().below_a2),
            "root + leaf": (root + more().direct.leaf_pem, p.root_a),
            "two chains of equal length": (root + one + leaf + root + two + leaf, p.int_a),
            "two chains of unequal length": (root + one + leaf + root + two + three + leaf, more().below_a2),
        }
        made = Document().pool("pool", "127.0.0.1").settings("http", cls.backend.port).certificate()
        for number, (pem, _) in enumerate(cls.files.values()):
            name = f"s{number}"
            made.ca(name, pem).profile(name, "Strict", [name], dn=True)
            made.listener(name, 443 + number, name).rule(name, name)
        return made

    def test_I25_each_file_names_the_issuer_that_azure_extracts(self) -> None:
        clients = {
            pki().root_a: more().direct,
            pki().int_a: pki().good,
            pki().sibling_a: pki().sibling,
            more().below_a2: more().below_a2.issue("below-a2"),
        }
        for number, (name, (_, issuer)) in enumerate(self.files.items()):
            for authority, who in clients.items():
                for version in client.BOTH:
                    with self.subTest(file=name, client=who.name, version=version):
                        target = "/" + self.token()
                        with self.gateway.tls(443 + number, who, version) as wire:
                            status = wire.request(target).status
                        self.assertEqual(status, 200 if authority is issuer else 400)
                        if status == 400:
                            line = self.gateway.access_for(target)
                            self.assertEqual(line.verify, "FAILED:unable to verify the client certificate issuer")


class OtherFilesName(GatewayCase):
    @classmethod
    def document(cls) -> Document:
        made = standard(cls.backend.port).profile("both", "Strict", ["a", "b"], dn=True)
        return made.listener("both", 447, "both").rule("to-both", "both")

    def test_I25_another_files_ca_cannot_lend_its_name(self) -> None:
        for who, reason in (
            (pki().good, ""),
            (pki().good_b, ""),
            (pki().name_thief, "client_cert.issuer_dn_mismatch"),
            (pki().sibling, "client_cert.issuer_dn_mismatch"),
        ):
            for version in client.BOTH:
                with self.subTest(who=who.name, version=version):
                    target = "/" + self.token()
                    with self.gateway.tls(447, who, version) as wire:
                        self.assertEqual(wire.request(target).status, 400 if reason else 200)
                    self.assertEqual(self.gateway.access_for(target).own.get("reason", ""), reason)


class BrokenTrust(GatewayCase):
    def broken(self) -> dict[str, Document]:
        p = pki()
        data = {
            "empty": "",
            "no certificate": "hello",
            "cut": p.int_a.bundle()[:-200],
            "leaf only": p.good.leaf_pem,
            "with a key": p.int_a.bundle() + p.good.key.read_text(),
            "two roots": p.root_a.pem() + p.root_b.pem(),
            "no root": p.int_a.pem(),
        }
        made = {name: standard(self.backend.port).ca("a", pem) for name, pem in data.items()}
        made["no file at all"] = standard(self.backend.port).profile("strict", "Strict")
        made["a file that is not there"] = standard(self.backend.port).profile("strict", "Strict", ["nowhere"])
        return made

    def test_I14_a_broken_trust_refuses_the_whole_document_and_the_old_one_serves(self) -> None:
        for name, document in self.broken().items():
            with self.subTest(name):
                self.gateway.reload(document, expect="reload.failed")
                for who, status in ((pki().good, 200), (pki().good_b, 400), (None, 400)):
                    with self.gateway.tls(STRICT, who) as wire:
                        self.assertEqual(wire.request().status, status)
                path = self.gateway.directory / "broken.json"
                path.write_text(document.json())
                self.assertEqual(run_command("run", path, "--host", self.gateway.host_path).returncode, 1)


class NamedById(unittest.TestCase):
    """Each invariant that needs one has a test that bears its id: `grep -rn I13 tests/e2e` finds the proof."""

    NEEDED = [f"I{n}" for n in (*range(1, 9), *range(10, 22), 23, 25, 26)] + [f"L{n}" for n in range(1, 9)]

    def test_every_invariant_has_a_test_by_its_name(self) -> None:
        names: set[str] = set()
        for file in Path(__file__).parent.glob("test_*.py"):
            for test in re.findall(r"^    def (test_\w+)", file.read_text(), re.M):
                names |= set(re.findall(r"(?<=_)([IL]\d+)(?=_)", test))
        self.assertEqual([one for one in self.NEEDED if one not in names], [])


if __name__ == "__main__":
    main()
