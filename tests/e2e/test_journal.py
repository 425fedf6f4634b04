"""The journal: what it says of each kind of client, its bounds, and what a disk that fails does to it. docs/journal.md."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import ssl
import stat
import time
from pathlib import Path
from typing import Any, Optional

from harness import client, env
from harness.backend import Backend
from harness.case import GatewayCase, main
from harness.client import s_client
from harness.crl import Crl, revoking
from harness.document import PASSTHROUGH, PLAIN, STRICT, STRICT_DN, Document
from harness.gateway import Gateway, token
from harness.http2 import Http2
from harness.ocsp_responder import EGRESS, ResponderCase
from harness.pki import Identity, pki

Row = dict[str, Any]


def journal_path(gateway: Gateway) -> Path:
    return Path(gateway.host["state_dir"]) / "journal.db"


def rows(gateway: Gateway, where: str = "1", *values: Any) -> list[Row]:
    """Entries, oldest first, read as any program may."""
    try:
        with sqlite3.connect(f"file:{journal_path(gateway)}?mode=ro", uri=True) as database:
            database.row_factory = sqlite3.Row
            found = database.execute(f"SELECT * FROM journal WHERE {where} ORDER BY id", values).fetchall()
            return [dict(row) for row in found]
    except sqlite3.DatabaseError:  # not there yet, or about to be set aside
        return []
    finally:
        if "database" in locals():
            database.close()


def await_rows(gateway: Gateway, count: int, where: str = "1", *values: Any) -> list[Row]:
    def enough() -> Optional[list[Row]]:
        found = rows(gateway, where, *values)
        return found if len(found) >= count else None

    found = env.wait_until(f"{count} journal entries where {where} {values}", enough)
    assert len(found) == count, found
    return found


SITES = 1444  # two host names with different trust


class Revocation(ResponderCase, GatewayCase):
    """What the access log says of revocation is in the journal, too: of whoever is refused, and once a connection of whoever is
    admitted, since the handshake's entry is written before anybody has answered."""

    lists: Path

    @classmethod
    def setUpClass(cls) -> None:
        cls.lists = env.new_dir("journal-crl") / "a.crl"
        cls.gone = pki().int_a.issue("journal-gone")
        cls.lists.write_bytes(Crl(pki().int_a, revoking(cls.gone)).der())
        super().setUpClass()

    @classmethod
    def document(cls) -> Document:
        return super().document().profile("strict", "Strict", ["a"], revocation="OCSP").http2()

    @classmethod
    def host(cls) -> dict[str, Any]:
        lists = {"strict-dn": {"files": [str(cls.lists)]}}
        return {"egress": EGRESS, "revocation": {"timeout": "2s", "unreachable": "allow", "crl": lists}}

    def client(self, how: str) -> Identity:
        who = self.responder.issue(self.token())
        self.responder.behave(how, who)
        return who

    def told(self, who: Identity, event: str, port: int = STRICT) -> tuple[Row, dict[str, Any]]:
        """The entry of `event` about one connection, and what the access log says of revocation."""
        _, line = self.asked(who, port)
        connection = line.own["connection"]
        (entry,) = await_rows(self.gateway, 1, "event=? AND connection=?", event, connection)
        (handshake,) = await_rows(self.gateway, 1, "event='handshake' AND connection=?", connection)
        self.assertEqual((handshake["outcome"], handshake["revocation_source"]), ("admitted", None))
        logged = line.own["revocation"]
        for column, member in (("revocation_source", "source"), ("revocation_status", "status"), ("revocation_reason", "reason"),
                               ("responder", "responder"), ("latency", "latency")):  # fmt: skip
            self.assertEqual(entry[column], logged.get(member), column)
        for column, member in (("this_update", "thisUpdate"), ("next_update", "nextUpdate"), ("revoked_at", "revokedAt")):
            self.assertEqual((entry[column] or "")[:19], logged.get(member, "")[:19], column)
        self.assertEqual((entry["cache_hit"], entry["allowed"]), (int(logged.get("cacheHit", False)), int(logged["allowed"])))
        return entry, logged

    def test_admitted_by_a_responder_cold_and_warm(self) -> None:
        who = self.client("good")
        cold, _ = self.told(who, "verdict")
        self.assertEqual((cold["outcome"], cold["log_value"], cold["revocation_status"]), ("admitted", "SUCCESS", "good"))
        self.assertEqual((cold["cache_hit"], cold["allowed"], cold["request"]), (0, 0, 1))
        self.assertEqual(cold["responder"], self.responder.url)
        warm, _ = self.told(who, "verdict")
        self.assertEqual(warm["cache_hit"], 1)
        self.assertGreater(warm["age"], 0)

    def test_once_a_connection(self) -> None:
        who = self.client("good")
        with self.gateway.tls(STRICT, who) as h1, Http2(self.gateway.port(STRICT), who) as h2:
            for _ in range(3):
                target = "/" + self.token()
                self.assertEqual((h1.request(target).status, h2.request(target).status), (200, 200))
        lines = self.gateway.access_where("both", lambda line: target in line.properties["originalRequestUriWithArgs"], 2)
        for line in lines:
            await_rows(self.gateway, 1, "event='verdict' AND connection=?", line.own["connection"])

    def test_refused_by_a_responder(self) -> None:
        entry, _ = self.told(self.client("revoked"), "request")
        self.assertEqual((entry["reason"], entry["revocation_status"]), ("client_cert.revoked", "revoked"))
        self.assertLess(entry["revoked_at"], entry["time"])
        entry, logged = self.told(self.client("bad-signature"), "request")
        self.assertEqual((entry["revocation_status"], entry["revocation_reason"]), ("failed", "ocsp.bad_signature"))
        self.assertEqual(entry["detail"], logged["detail"])

    def test_allowed_although_nobody_answers(self) -> None:
        entry, _ = self.told(self.client("http-500"), "verdict")
        self.assertEqual((entry["outcome"], entry["allowed"]), ("admitted", 1))
        self.assertEqual(entry["revocation_reason"], "ocsp.http_status")

    def test_by_a_list(self) -> None:
        entry, _ = self.told(pki().good, "verdict", STRICT_DN)
        self.assertEqual((entry["outcome"], entry["revocation_status"]), ("admitted", "good"))
        self.assertLess(entry["this_update"], entry["next_update"])
        entry, _ = self.told(self.gone, "request", STRICT_DN)
        self.assertEqual((entry["outcome"], entry["revocation_status"]), ("refused", "revoked"))


class Journal(GatewayCase):
    @classmethod
    def document(cls) -> Document:
        document = super().document()
        for name, profile in (("a", "strict"), ("b", "strict-b")):
            document.listener(f"site-{name}", SITES, profile, host=f"{name}.test").rule(f"to-site-{name}", f"site-{name}")
        return document

    def request(self, identity: Optional[Identity], port: int = STRICT, version: str = "1.3", **how: Any) -> Row:
        """One request on a connection of its own: the access log's line."""
        target = "/" + self.token()
        with self.gateway.tls(port, identity, version) as wire:
            wire.request(target, **how)
        return self.gateway.access_for(target)

    def of_connection(self, line: Any, count: int) -> list[Row]:
        return await_rows(self.gateway, count, "connection=?", line.own["connection"])

    def test_a_client_that_is_admitted(self) -> None:
        who = pki().good
        line = self.request(who)
        (entry,) = self.of_connection(line, 1)
        expected = {
            "event": "handshake",
            "outcome": "admitted",
            "reason": "",
            "log_value": "SUCCESS",
            "listener": "strict",
            "client": "127.0.0.1",
            "client_port": line.properties["clientPort"],
            "address": f"127.0.0.1:{self.gateway.port(STRICT)}",
            "sni": "localhost",
            "protocol": "TLSv1.3",
            "cipher": line.properties["sslCipher"],
            "resumed": 0,
            "presented": 2,
            "sha1": who.field("-fingerprint", "-sha1").replace(":", "").lower(),
            "sha256": who.field("-fingerprint", "-sha256").replace(":", "").lower(),
            "serial": who.field("-serial"),
            "issuer": line.properties["sslClientCertificateIssuerName"],
            "subject": "CN=good,O=Contoso,C=US",
        }
        self.assertEqual({name: entry[name] for name in expected}, expected)
        end = time.strptime(who.field("-enddate"), "%b %d %H:%M:%S %Y GMT")
        self.assertEqual(entry["not_after"], time.strftime("%Y-%m-%dT%H:%M:%SZ", end))
        # The second request of a connection adds nothing: what was served is the access log's to tell.
        with self.gateway.tls(STRICT, who) as wire:
            for _ in range(3):
                target = "/" + self.token()
                self.assertEqual(wire.request(target).status, 200)
        self.of_connection(self.gateway.access_for(target), 1)

    def test_the_presented_chain_is_kept_as_it_came(self) -> None:
        line = self.request(pki().good)
        (entry,) = self.of_connection(line, 1)
        with sqlite3.connect(f"file:{journal_path(self.gateway)}?mode=ro", uri=True) as database:
            chain = database.execute(
                "SELECT der FROM entry JOIN chain_certificate USING(chain) JOIN certificate ON certificate.id=certificate"
                " WHERE entry.id=? ORDER BY place",
                (entry["id"],),
            ).fetchall()
        database.close()
        end = "-----END CERTIFICATE-----"
        pems = pki().good.chain.read_text().split(end)[:-1]
        sent = [ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN") :] + end) for pem in pems]
        self.assertEqual([der for (der,) in chain], sent)

    def test_each_refusal_with_its_reason(self) -> None:
        cases = {
            "expired": (pki().expired, "refused", "client_cert.expired"),
            "untrusted": (pki().untrusted, "refused", "client_cert.untrusted_issuer"),
            "self-signed": (pki().self_signed, "refused", "client_cert.self_signed"),
            "server only": (pki().server_auth, "refused", "client_cert.wrong_purpose"),
            "none": (None, "no_certificate", "client_cert.missing"),
        }
        for name, (who, outcome, reason) in cases.items():
            for version in client.BOTH:
                with self.subTest(name, version=version):
                    line = self.request(who, version=version)
                    self.assertEqual((line.status, line.reason), (400, reason))
                    handshake, request = self.of_connection(line, 2)
                    self.assertEqual((handshake["event"], request["event"]), ("handshake", "request"))
                    self.assertEqual(request["request"], 1)
                    for entry in (handshake, request):
                        self.assertEqual((entry["outcome"], entry["reason"]), (outcome, reason))
                        self.assertEqual(entry["log_value"], line.verify)
                        self.assertEqual(entry["sha1"], None if who is None else
                                         who.field("-fingerprint", "-sha1").replace(":", "").lower())

    def test_passthrough_is_admitted_whoever_it_is(self) -> None:
        (entry,) = self.of_connection(self.request(pki().expired, PASSTHROUGH), 1)
        self.assertEqual((entry["outcome"], entry["log_value"]), ("admitted", "PASSTHROUGH"))
        self.assertTrue(entry["subject"].startswith("CN=expired"))

    def test_a_request_for_a_listener_of_other_trust(self) -> None:
        with self.gateway.tls(SITES, pki().good, sni="a.test") as wire:
            target = "/" + self.token()
            self.assertEqual(wire.request(target, host="b.test").status, 421)
        handshake, request = self.of_connection(self.gateway.access_for(target), 2)
        self.assertEqual((handshake["outcome"], handshake["sni"]), ("admitted", "a.test"))
        self.assertEqual((request["outcome"], request["reason"]), ("misdirected", "host.misdirected"))
        self.assertEqual((request["host"], request["listener"]), ("b.test", handshake["listener"]))

    def test_what_asks_for_no_certificate_is_not_in_it(self) -> None:
        target = "/" + self.token()
        with self.gateway.tcp(PLAIN) as wire:
            self.assertEqual(wire.request(target).status, 200)
        line = self.gateway.access_for(target)
        self.of_connection(self.request(pki().good), 1)  # written later
        self.assertEqual(rows(self.gateway, "connection=?", line.own["connection"]), [])

    def test_a_resumed_session_keeps_its_identity(self) -> None:
        for version in client.BOTH:
            with self.subTest(version=version):
                session = env.scratch() / token("journal-session")
                port = self.gateway.port(STRICT)
                s_client(port, identity=pki().good, version=version, session_out=session)
                target = "/" + self.token()
                run = s_client(port, version=version, session_in=session, target=target)
                self.assertTrue(run.reused, run.output)
                (entry,) = self.of_connection(self.gateway.access_for(target), 1)
                self.assertEqual((entry["resumed"], entry["outcome"]), (1, "admitted"))
                self.assertTrue(entry["subject"].startswith("CN=good,"))
                self.assertGreaterEqual(entry["presented"], 2)

    def test_a_handshake_that_fails(self) -> None:
        sni = f"{self.token()[-20:]}.test".lower().replace("_", "-")
        context = client.tls_context(None, "1.2")
        context.set_ciphers("ECDHE-RSA-CHACHA20-POLY1305")  # the server's key is another kind
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.gateway.tls(STRICT, context=context, sni=sni).close()
        (entry,) = await_rows(self.gateway, 1, "sni=?", sni)
        self.assertEqual((entry["event"], entry["outcome"]), ("handshake_failed", "failed"))
        self.assertEqual(entry["reason"], "tls.handshake_failed")
        self.assertIn("no shared cipher", entry["detail"])
        self.assertEqual(entry["listener"], "strict")
        self.assertGreater(entry["client_port"], 0)
        self.assertIsNone(entry["subject"])

    def test_what_is_no_tls_at_all(self) -> None:
        with socket.create_connection(("127.0.0.1", self.gateway.port(STRICT))) as raw:
            port = raw.getsockname()[1]
            raw.sendall(b"\x00" * 64)
            raw.settimeout(env.patience(5))
            try:
                while raw.recv(1024):
                    pass
            except ConnectionError:
                pass
        (entry,) = await_rows(self.gateway, 1, "client_port=? AND event='handshake_failed'", port)
        self.assertEqual((entry["reason"], entry["sni"], entry["listener"]), ("tls.handshake_failed", "", ""))

    def test_nobody_else_may_read_it(self) -> None:
        self.of_connection(self.request(pki().good), 1)
        directory = journal_path(self.gateway).parent
        self.assertEqual(stat.S_IMODE(directory.stat().st_mode), 0o700)
        for file in directory.iterdir():
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600, file)


class JournalLife(GatewayCase):
    """Gateways of their own: started again, killed, starved."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.backend = Backend()
        cls.addClassCleanup(cls.backend.stop)

    def make(self, state: Optional[Path] = None, **host: Any) -> Gateway:
        gateway = Gateway(self.document(), {"workers": 2, **({"state_dir": str(state)} if state else {}), **host})
        self.addCleanup(lambda: gateway.process and gateway.process.poll() is None and gateway.stop())
        return gateway

    def served(self, gateway: Gateway, identity: Optional[Identity] = None) -> None:
        with gateway.tls(STRICT, identity or pki().good) as wire:
            self.assertEqual(wire.request().status, 200)

    def test_entries_outlive_a_restart_and_tell_the_runs_apart(self) -> None:
        gateway = self.make().start()
        self.served(gateway)
        gateway.stop()
        self.assertEqual(len(rows(gateway)), 1, "what was noted was not written before the end")
        gateway.start()
        self.served(gateway)
        first, second = await_rows(gateway, 2)
        self.assertEqual(first["connection"], second["connection"], "both count from 1")
        self.assertNotEqual(first["run"], second["run"])

    def test_what_was_written_outlives_being_killed(self) -> None:
        gateway = self.make().start()
        for _ in range(5):
            self.served(gateway)
        await_rows(gateway, 5)
        gateway.signal(signal.SIGKILL)
        gateway.wait()
        self.assertEqual(len(rows(gateway)), 5)
        gateway.start()
        self.served(gateway)
        await_rows(gateway, 6)
        gateway.stop()

    def test_the_oldest_gives_way_and_a_reload_lowers_the_limit(self) -> None:
        gateway = self.make(client_auth={"journal": 8}).start()
        for _ in range(12):
            self.served(gateway)
        env.wait_until("the newest entries", lambda: [r["connection"] for r in rows(gateway)] == list(range(5, 13)))
        gateway.host["client_auth"] = {"journal": 3}
        gateway.reload(self.document())
        env.wait_until("fewer entries", lambda: [r["connection"] for r in rows(gateway)] == [10, 11, 12])
        gateway.host["client_auth"] = {"journal": 0}
        gateway.reload(self.document())
        self.served(gateway)
        gateway.stop()
        self.assertEqual([r["connection"] for r in rows(gateway)], [10, 11, 12], "off, it writes nothing")

    def test_a_flood_is_sampled_and_a_lone_refusal_of_another_survives(self) -> None:
        gateway = self.make(client_auth={"journal": 500}).start()
        flood = env.scale(5000, 500)
        sent = 0
        while sent < flood:
            with gateway.tcp(STRICT) as wire:  # not TLS: refused at the first byte
                wire.send(b"\x00" * 8)
            sent += 1
        with gateway.tls(STRICT, pki().expired) as wire:
            self.assertEqual(wire.request().status, 400)
        self.served(gateway)
        gateway.stop()
        self.assertEqual(len(rows(gateway, "reason='client_cert.expired' AND event='request'")), 1)
        self.assertEqual(len(rows(gateway, "outcome='admitted'")), 1)
        kept = len(rows(gateway, "event='handshake_failed'"))
        left_out = sum(row["left_out"] for row in rows(gateway, "event='left_out'"))
        self.assertEqual(kept + left_out, flood)
        self.assertLess(kept, 200)  # two workers, 50 each, and what their buckets gained meanwhile
        self.assertEqual({row["client"] for row in rows(gateway, "event='left_out'")}, {"127.0.0.1"})

    def test_a_second_process_serves_and_waits_for_the_directory(self) -> None:
        first = self.make().start()
        second = self.make(Path(first.host["state_dir"])).start()
        self.served(second)
        env.wait_until("it to say so", lambda: second.events("journal.unavailable"))
        self.assertEqual(second.events("journal.unavailable")[0]["code"], "store.locked")
        self.assertIn(str(first.pid), second.events("journal.unavailable")[0]["message"])
        self.assertEqual(rows(first), [])
        first.stop()
        await_rows(first, 1)
        second.stop()

    def test_a_file_that_is_damaged_is_set_aside(self) -> None:
        gateway = self.make()
        path = journal_path(gateway)
        path.parent.mkdir(mode=0o700)
        path.write_bytes(b"not a database, but quite long enough to be taken for one " * 100)
        gateway.start()
        env.wait_until("it to be set aside", lambda: gateway.events("journal.damaged"))
        self.served(gateway)
        await_rows(gateway, 1)
        self.assertTrue(Path(f"{path}.damaged").read_bytes().startswith(b"not a database"))
        gateway.stop()

    def test_a_later_versions_file_is_left_alone_until_it_is_moved(self) -> None:
        gateway = self.make().start()
        self.served(gateway)
        gateway.stop()
        path = journal_path(gateway)
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA user_version=99")
        database.close()
        before = path.read_bytes()
        gateway.start()
        self.served(gateway)
        gateway.stop()
        self.assertEqual(gateway.events("journal.unavailable")[-1]["code"], "store.newer")
        self.assertEqual(path.read_bytes(), before)
        path.rename(f"{path}.later")
        gateway.start()
        self.served(gateway)
        gateway.stop()
        self.assertEqual(len(rows(gateway)), 1)

    def test_a_file_that_cannot_be_opened_costs_the_journal_only(self) -> None:
        gateway = self.make()
        journal_path(gateway).mkdir(parents=True)
        journal_path(gateway).parent.chmod(0o700)
        gateway.start()
        self.served(gateway)
        env.wait_until("it to say so", lambda: gateway.events("journal.unavailable"))
        gateway.stop()

    def test_a_state_dir_that_is_unusable_refuses_the_start(self) -> None:
        file = env.new_dir("state") / "file"
        file.touch()
        open_to_all = env.new_dir("state")
        open_to_all.chmod(0o777)
        for state, why in ((file / "state", "cannot be made"), (file, "not a directory"),
                           (open_to_all, "others may write")):
            with self.subTest(why):
                gateway = self.make(state).spawn()
                self.assertEqual(gateway.wait(), 1)
                said = gateway.stderr_path.read_text()
                self.assertIn("state_dir.unusable", said)
                self.assertIn(why, said)
        # Without a journal nobody asks for it; and a reload that turns one on is refused like any other mistake.
        gateway = self.make(file, client_auth={"journal": 0}).start()
        self.served(gateway)
        gateway.host["client_auth"] = {"journal": 5}
        gateway.write(self.document())
        gateway.signal(signal.SIGHUP)
        env.wait_until("the reload to fail", lambda: gateway.events("reload.failed"))
        self.served(gateway)
        gateway.stop()

    def test_a_directory_is_made_for_the_user_that_will_use_it(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("only root can become somebody else")
        gateway = self.make(user="nobody")
        gateway.directory.chmod(0o777)
        gateway.start()
        self.served(gateway)
        await_rows(gateway, 1)
        self.assertNotEqual(journal_path(gateway).stat().st_uid, 0)
        gateway.stop()


if __name__ == "__main__":
    main()
