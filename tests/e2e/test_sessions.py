"""Sessions resume where they were made and nowhere else, and never let a client skip what it would be asked today.

mtls-invariants I1–I4, I23, L3, L4, L6, L7; azure-semantics §1.3.
"""

from __future__ import annotations

import re
import ssl
import time
from pathlib import Path
from typing import Optional

from harness import client, env
from harness.case import GatewayCase, main
from harness.client import SClient, s_client
from harness.document import IDENTITY_REWRITE, STRICT, Document
from harness.gateway import Gateway, LogLine, token
from harness.ocsp_responder import EGRESS, ResponderCase
from harness.pki import Identity, openssl, pki

SITES, BASIC_A, BASIC_B, BASIC_P = 443, 444, 446, 447


def document(backend_port: int) -> Document:
    made = (
        Document()
        .pool("pool", "127.0.0.1")
        .settings("http", backend_port)
        .certificate()
        .ca("a", pki().int_a.bundle())
        .ca("b", pki().int_b.bundle())
        .profile("a", "Strict", ["a"])
        .profile("a-too", "Strict", ["a"])
        .profile("a-s", "Strict", ["a"], policy="AppGwSslPolicy20220101S")
        .profile("b", "Strict", ["b"])
        .profile("p", "Passthrough")
        .rewrite("identity", IDENTITY_REWRITE)
    )
    # a.test comes first: it is what a client without SNI, or with an unknown one, gets.
    sites = {"a": "a", "twin": "a", "other-name": "a-too", "other-policy": "a-s", "b": "b", "p": "p", "n": None}
    for name, profile in sites.items():
        made.listener(name, SITES, profile, host=f"{name}.test").rule(name, name, rewrite="identity")
    for port, profile in ((BASIC_A, "a"), (BASIC_B, "b"), (BASIC_P, "p")):
        made.listener(f"basic-{profile}", port, profile).rule(
            f"basic-{profile}", f"basic-{profile}", rewrite="identity"
        )
    return made


def ticket_size(text: str) -> int:
    """Bytes, at most 15 too many, of the ticket that `openssl sess_id -text` shows."""
    rows = text[text.index("TLS session ticket:") :].split("\n\n")[0].splitlines()[1:]
    return 16 * sum(re.match(r"    [0-9a-f]{4} - ", row) is not None for row in rows)


TICKETS: dict[str, object] = {"sessions": "tickets"}


class Sessions(GatewayCase):
    """As they are by default, and in every other class that this one is the base of."""

    CLIENT_AUTH: dict[str, object] = {}

    @classmethod
    def document(cls) -> Document:
        return document(cls.backend.port)

    @classmethod
    def host(cls) -> dict[str, object]:
        return {"client_auth": cls.CLIENT_AUTH}

    def session(
        self, version: str, port: int = SITES, sni: Optional[str] = "a.test", who: Optional[Identity] = None
    ) -> Path:
        """The session of a client that was admitted."""
        path = env.scratch() / token("session")
        host = sni or "a.test"
        run = s_client(
            self.gateway.port(port), identity=who or pki().good, version=version, sni=sni, host=host, session_out=path
        )
        self.assertEqual(run.response.status, 200, run.output)
        self.assertTrue(path.exists(), "the server issued no session")
        return path

    def resume(
        self,
        session: Path,
        version: str,
        port: int = SITES,
        sni: Optional[str] = "a.test",
        host: Optional[str] = None,
        identity: Optional[Identity] = None,
        gateway: Optional[Gateway] = None,
    ) -> tuple[SClient, LogLine]:
        gateway = gateway or self.gateway
        target = "/" + self.token()
        run = s_client(
            gateway.port(port),
            identity=identity,
            version=version,
            sni=sni,
            host=host or sni or "a.test",
            target=target,
            session_in=session,
        )
        self.assertIsNotNone(run.response, run.output + run.error)
        line = gateway.access_for(target)
        self.assertEqual(line.resumed, run.reused)
        return run, line

    def test_a_session_resumes_where_it_was_made_and_keeps_its_identity(self) -> None:
        for version in client.BOTH:
            for port, sni in ((SITES, "a.test"), (SITES, "twin.test"), (BASIC_A, "whatever.test"), (BASIC_P, "p.test")):
                with self.subTest(version=version, port=port, sni=sni):
                    session = self.session(version, port, sni)
                    # No certificate is presented now: what the backend hears comes from the session.
                    run, line = self.resume(session, version, port, sni)
                    self.assertTrue(run.reused)
                    self.assertEqual(run.response.status, 200)
                    self.assertEqual(line.verify, "PASSTHROUGH" if port == BASIC_P else "SUCCESS")
                    request = self.backend.request_for(line.properties["originalRequestUriWithArgs"])
                    fingerprint = pki().good.field("-fingerprint", "-sha1").replace(":", "").lower()
                    self.assertEqual(request.get("x-client-fingerprint"), fingerprint)

    def test_I1_L3_L4_a_session_of_one_profile_opens_no_other(self) -> None:
        # What a client without its certificate gets elsewhere, with a session that strict a.test admitted.
        elsewhere = (
            (SITES, "twin.test", 400, "NONE"),
            (SITES, "other-name.test", 400, "NONE"),
            (SITES, "other-policy.test", 400, "NONE"),
            (SITES, "b.test", 400, "NONE"),
            (SITES, "p.test", 200, "NONE"),
            (SITES, "n.test", 200, ""),
            (BASIC_A, "a.test", 400, "NONE"),
            (BASIC_B, "a.test", 400, "NONE"),
            (BASIC_P, "a.test", 200, "NONE"),
        )
        for version in client.BOTH:
            session = self.session(version)
            for port, sni, status, verify in elsewhere:
                with self.subTest(version=version, port=port, sni=sni):
                    run, line = self.resume(session, version, port, sni)
                    self.assertFalse(run.reused, "a session crossed from one policy to another")
                    self.assertEqual((run.response.status, line.verify), (status, verify))

    def test_I1_a_passthrough_session_admits_nobody_to_a_strict_listener(self) -> None:
        for version in client.BOTH:
            for who in (pki().expired, pki().untrusted):
                with self.subTest(version=version, who=who.name):
                    session = self.session(version, SITES, "p.test", who)
                    run, line = self.resume(session, version, SITES, "a.test")
                    self.assertFalse(run.reused)
                    self.assertEqual((run.response.status, line.verify), (400, "NONE"))

    def test_I1_the_fallback_is_a_full_handshake_not_an_error(self) -> None:
        for version in client.BOTH:
            session = self.session(version)
            for sni, status in (("b.test", 400), ("other-name.test", 200), ("p.test", 200)):
                with self.subTest(version=version, sni=sni):
                    run, line = self.resume(session, version, SITES, sni, identity=pki().good)
                    self.assertFalse(run.reused)
                    self.assertEqual(run.response.status, status)
                    self.assertNotEqual(line.verify, "NONE", "the client was not asked again")

    def test_I1_without_sni_the_default_listener_is_meant(self) -> None:
        for version in client.BOTH:
            with self.subTest(version=version):
                # No SNI selects the same listener (a.test) under the same policy: resuming is right.
                for made, used in ((None, None), (None, "a.test"), ("a.test", None)):
                    run, line = self.resume(self.session(version, sni=made), version, SITES, used, host="a.test")
                    self.assertEqual((run.response.status, line.verify), (200, "SUCCESS"))
                for sni in ("b.test", "twin.test"):
                    run, line = self.resume(self.session(version, sni=None), version, SITES, sni)
                    self.assertFalse(run.reused)
                    self.assertEqual((run.response.status, line.verify), (400, "NONE"))
                # b.test's session without SNI lands on a.test.
                run, line = self.resume(self.session(version, SITES, "b.test", pki().good_b), version, sni=None)
                self.assertFalse(run.reused)
                self.assertEqual((run.response.status, line.verify), (400, "NONE"))

    def test_I4_L7_a_certificate_that_expired_since_is_refused(self) -> None:
        born = time.time()
        who = {version: pki().short_lived(6) for version in client.BOTH}
        session = {version: self.session(version, who=who[version]) for version in client.BOTH}
        live = {version: self.gateway.tls(SITES, who[version], version, "a.test") for version in client.BOTH}
        for wire in live.values():
            self.assertEqual(wire.request(host="a.test").status, 200)
        env.wait_until("the certificates to expire", lambda: time.time() > born + 7)
        for version in client.BOTH:
            with self.subTest(version=version), live[version] as wire:
                run, line = self.resume(session[version], version, identity=who[version])
                self.assertEqual((run.response.status, line.verify), (400, "FAILED:certificate has expired"))
                self.assertEqual(line.reason, "client_cert.expired")
                run, line = self.resume(session[version], version)
                self.assertEqual(run.response.status, 400)
                # The connection that was admitted before went with its certificate.
                self.assertTrue(wire.ends())

    def test_I1_a_session_of_another_process_is_forgotten_in_silence(self) -> None:
        with Gateway(document(self.backend.port), self.host()) as other:
            for version in client.BOTH:
                with self.subTest(version=version):
                    run, line = self.resume(self.session(version), version, gateway=other)
                    self.assertFalse(run.reused)
                    self.assertEqual((run.response.status, line.verify), (400, "NONE"))

    def test_what_a_client_holds(self) -> None:
        for version in client.BOTH:
            with self.subTest(version=version):
                text = openssl("sess_id", "-in", self.session(version), "-noout", "-text").decode()
                self.assertNotRegex(text, r"Max Early Data: [1-9]")
                self.check_held(version, text)

    def check_held(self, version: str, text: str) -> None:
        """Nothing but an id."""
        if version == "1.2":
            self.assertNotIn("TLS session ticket:", text)
            self.assertRegex(text, r"Session-ID: [0-9A-F]{64}")
        else:
            self.assertLessEqual(ticket_size(text), 64, "a ticket that carries the session is longer than an id")

    def test_I23_renegotiation_is_refused(self) -> None:
        port = self.gateway.port(BASIC_P)
        done = client.subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2", "-msg"],
            input=b"R\n",
            capture_output=True,
            timeout=env.patience(20),
        )
        text = (done.stdout + done.stderr).decode("utf-8", "replace")
        self.assertIn("RENEGOTIATING", text)
        self.assertEqual(text.count(", ServerHello\n"), 1, text[-2000:])


    def test_I23_a_client_that_offers_post_handshake_authentication_is_not_asked_later(self) -> None:
        for port, sni, asked in ((SITES, "a.test", 1), (SITES, "n.test", 0)):
            with self.subTest(sni=sni):
                how = ("-tls1_3", "-enable_pha", "-msg", "-ign_eof", "-servername", sni)
                who = ("-cert", pki().good.chain, "-key", pki().good.key, "-cert_chain", pki().good.chain)
                text = self.s_client_says(port, f"GET / HTTP/1.1\r\nHost: {sni}\r\nConnection: close\r\n\r\n", *how, *who)
                self.assertIn("HTTP/1.1 200", text)
                self.assertEqual(len(re.findall(r"^<<< .*CertificateRequest", text, re.M)), asked, text[-3000:])

    def test_I23_early_data_is_not_taken(self) -> None:
        # Our sessions allow none, so no client of good will sends any: this one's session says that it may.
        session = self.session("1.3")
        eager = with_early_data(session)
        early = env.scratch() / token("early")
        target = "/" + self.token()
        early.write_text(f"GET {target}-early HTTP/1.1\r\nHost: a.test\r\n\r\n")
        how = ("-tls1_3", "-ign_eof", "-servername", "a.test", "-sess_in", eager, "-early_data", early)
        text = self.s_client_says(SITES, "", *how)
        self.assertIn("Early data was rejected", text)
        self.assertNotIn("HTTP/1.1", text)
        self.gateway.wait_event("tls.handshake_failed")
        # The log is in order: what came before this request would stand before it.
        with self.gateway.tls(SITES, pki().good, "1.3", "a.test") as wire:
            wire.request(target, host="a.test")
        self.gateway.access_for(target)
        self.assertFalse([line for line in self.gateway.access() if f"{target}-early" in str(line)])

    def s_client_says(self, port: int, request: str, *arguments: object) -> str:
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{self.gateway.port(port)}", *map(str, arguments)]
        done = client.subprocess.run(command, input=request.encode(), capture_output=True, timeout=env.patience(20))
        return (done.stdout + done.stderr).decode("utf-8", "replace")


class TicketSessions(Sessions):
    """The same, where clients hold the sessions themselves."""

    CLIENT_AUTH = TICKETS

    def check_held(self, version: str, text: str) -> None:
        self.assertGreater(ticket_size(text), 500)

    def test_a_client_without_tickets_is_not_resumed(self) -> None:
        # TLS 1.2 without the extension: no id is given out either, since nothing would be found by it.
        context = client.tls_context(pki().good, "1.2")
        context.options |= client.ssl.OP_NO_TICKET
        with self.gateway.tls(SITES, context=context, sni="a.test") as wire:
            self.assertEqual(wire.request(host="a.test").status, 200)
            self.assertEqual(wire.sock.session.id, b"")


def with_early_data(session: Path) -> Path:
    """The client's session, saying that 16 KB of early data are welcome: SSL_SESSION's [15]."""
    der = openssl("sess_id", "-in", session, "-outform", "DER")
    assert der[:2] == b"\x30\x82", der[:4]
    at, elements = 4, []
    while at < len(der):
        size, head = der[at + 1], 2
        if size & 0x80:
            head += size & 0x7F
            size = int.from_bytes(der[at + 2 : at + head], "big")
        elements.append(der[at : at + head + size])
        at += head + size
    # Context tags follow the plain members in ascending order.
    elements = [element for element in elements if element[0] != 0xAF] + [b"\xaf\x04\x02\x02\x40\x00"]
    plain = [element for element in elements if element[0] & 0xC0 == 0]
    tagged = sorted((element for element in elements if element[0] & 0xC0), key=lambda element: element[0] & 0x1F)
    content = b"".join(plain + tagged)
    path = session.with_suffix(".eager")
    der_path = session.with_suffix(".der")
    der_path.write_bytes(b"\x30\x82" + len(content).to_bytes(2, "big") + content)
    openssl("sess_id", "-inform", "DER", "-in", der_path, "-out", path)
    return path


class TrustChanges(GatewayCase):
    """What a reload does to sessions made before it."""

    CLIENT_AUTH: dict[str, object] = {}

    @classmethod
    def document(cls) -> Document:
        return document(cls.backend.port)

    @classmethod
    def host(cls) -> dict[str, object]:
        return {"client_auth": cls.CLIENT_AUTH}

    session, resume = Sessions.session, Sessions.resume

    def setUp(self) -> None:
        self.gateway.host = {**self.gateway.host, **self.host()}
        self.gateway.reload(document(self.backend.port))

    def test_I2_each_field_of_the_session_digest_ends_its_sessions(self) -> None:
        port = self.backend.port
        renamed = document(port).remove("httpListeners", "a").remove("requestRoutingRules", "a")
        renamed.listener("renamed", SITES, "a", host="a.test").rule("a", "renamed", rewrite="identity", priority=100)
        other_profile = document(port).listener("a", SITES, "a-too", host="a.test")
        changes: dict[str, tuple[Document, dict[str, object]]] = {
            "the listener's name": (renamed, {}),
            "the SSL profile's name": (other_profile, {}),
            "the TLS policy": (document(port).profile("a", "Strict", ["a"], policy="AppGwSslPolicy20220101S"), {}),
            "the depth": (document(port), {"verify_depth": 9}),
        }
        for what, (changed, client_auth) in changes.items():
            for version in client.BOTH:
                with self.subTest(change=what, version=version):
                    self.setUp()
                    session = self.session(version)
                    self.gateway.host = {**self.gateway.host, "client_auth": {**self.CLIENT_AUTH, **client_auth}}
                    self.gateway.reload(changed)
                    run, line = self.resume(session, version)
                    self.assertFalse(run.reused)
                    self.assertEqual(line.verify, "NONE")
                    run, _ = self.resume(session, version, identity=pki().good)
                    self.assertEqual(run.response.status, 200)

    def test_I2_the_same_document_again_keeps_sessions(self) -> None:
        for version in client.BOTH:
            with self.subTest(version=version):
                session = self.session(version)
                self.gateway.reload()
                run, line = self.resume(session, version)
                self.assertTrue(run.reused)
                self.assertEqual((run.response.status, line.verify), (200, "SUCCESS"))

    def test_I2_I4_L6_each_change_of_trust_ends_its_sessions(self) -> None:
        twin = pki().twin_int_a.bundle()
        changes = {
            "another CA": (
                document(self.backend.port).ca("a", pki().int_b.bundle()),
                400,
                "FAILED:unable to get local",
            ),
            # L6: the same name with another key. A good chain under the old key no longer verifies.
            "a CA of the same name": (document(self.backend.port).ca("a", twin), 400, "FAILED:"),
            "one more CA": (document(self.backend.port).profile("a", "Strict", ["a", "b"]), 200, "SUCCESS"),
            "the issuer-DN rule": (document(self.backend.port).profile("a", "Strict", ["a"], dn=True), 200, "SUCCESS"),
            "passthrough": (document(self.backend.port).profile("a", "Passthrough"), 200, "PASSTHROUGH"),
        }
        for what, (changed, status, verify) in changes.items():
            for version in client.BOTH:
                with self.subTest(change=what, version=version):
                    self.gateway.reload(document(self.backend.port))
                    session = self.session(version)
                    self.gateway.reload(changed)
                    run, line = self.resume(session, version)
                    self.assertFalse(run.reused)
                    self.assertEqual(line.verify, "NONE")
                    run, line = self.resume(session, version, identity=pki().good)
                    self.assertFalse(run.reused)
                    self.assertEqual(run.response.status, status)
                    self.assertTrue(line.verify.startswith(verify), line.verify)

    def test_I2_passthrough_sessions_are_not_admitted_once_it_is_strict(self) -> None:
        for version in client.BOTH:
            with self.subTest(version=version):
                self.gateway.reload(document(self.backend.port))
                session = self.session(version, SITES, "p.test", pki().untrusted)
                self.gateway.reload(document(self.backend.port).profile("p", "Strict", ["a"]))
                run, line = self.resume(session, version, SITES, "p.test")
                self.assertFalse(run.reused)
                self.assertEqual((run.response.status, line.verify), (400, "NONE"))


class TicketTrustChanges(TrustChanges):
    CLIENT_AUTH = TICKETS


class Revocation(ResponderCase, GatewayCase):
    CLIENT_AUTH: dict[str, object] = {}

    @classmethod
    def document(cls) -> Document:
        return super().document().profile("strict", "Strict", ["a"], revocation="OCSP")

    @classmethod
    def host(cls) -> dict[str, object]:
        # One worker: what its one review has ended tells that the review is over.
        return {"client_auth": cls.CLIENT_AUTH, "egress": EGRESS, "workers": 1}

    def ask(self, context: ssl.SSLContext, session: Optional[ssl.SSLSession]) -> tuple[int, LogLine, ssl.SSLSession]:
        target = "/" + self.token()
        with self.gateway.tls(STRICT, context=context, session=session) as wire:
            response = wire.request(target)
            line = self.gateway.access_for(target)
            self.assertEqual(line.resumed, wire.sock.session_reused)
            if response.status != 200:
                self.assert_certificate_error(response)
            return response.status, line, wire.sock.session

    def test_I4_L5_what_a_responder_revokes_resumes_no_more(self) -> None:
        for version in client.BOTH:
            with self.subTest(version=version):
                who, other = (self.responder.issue(name + self.token()) for name in ("revoked-", "other-"))
                # Good for the one who asks, so that the next connection brings the news.
                self.responder.behave("no-next-update", who)
                context, others = client.tls_context(who, version), client.tls_context(other, version)
                sessions = [self.ask(context, None)[2] for _ in range(3)]
                theirs = self.ask(others, None)[2]
                status, line, _ = self.ask(context, sessions.pop())
                self.assertEqual((status, line.verify, line.resumed), (200, "SUCCESS", True))
                self.responder.behave("revoked", who)
                with self.gateway.tls(STRICT, context=context) as wire:
                    self.assertTrue(wire.ends(), "the news has come")
                queries = len(self.responder.queries(who))
                for session in sessions:
                    status, line, _ = self.ask(context, session)
                    self.assertEqual((status, line.resumed), (400, False))
                    self.assertEqual((line.verify, line.reason), ("FAILED:certificate revoked", "client_cert.revoked"))
                self.assertEqual(len(self.responder.queries(who)), queries, "what is known is not asked again")
                status, line, _ = self.ask(others, theirs)
                self.assertEqual((status, line.verify, line.resumed), (200, "SUCCESS", True))


class TicketRevocation(Revocation):
    CLIENT_AUTH = TICKETS


class Lifetime(GatewayCase):
    SECONDS = 3
    CLIENT_AUTH: dict[str, object] = {}

    @classmethod
    def document(cls) -> Document:
        return document(cls.backend.port)

    @classmethod
    def host(cls) -> dict[str, object]:
        return {"client_auth": {**cls.CLIENT_AUTH, "session_lifetime": f"{cls.SECONDS}s"}}

    def test_I3_resuming_again_and_again_does_not_outlive_the_cap(self) -> None:
        for version in client.BOTH:
            with self.subTest(version=version):
                session = env.scratch() / token("chain")
                port = self.gateway.port(SITES)
                how = dict(version=version, sni="a.test", host="a.test", session_out=session)
                self.assertEqual(s_client(port, identity=pki().good, **how).response.status, 200)
                full = time.time()
                resumed = 0
                while True:
                    started = time.time()
                    run = s_client(port, session_in=session, **how)
                    if not run.reused:
                        break
                    resumed += 1
                    self.assertEqual(run.response.status, 200)
                    # A second of grace: OpenSSL counts whole seconds.
                    self.assertLess(started, full + self.SECONDS + 1, "resumed beyond the cap")
                    time.sleep(0.1)
                self.assertGreater(resumed, 3)
                self.assertEqual(run.response.status, 400)


class TicketLifetime(Lifetime):
    CLIENT_AUTH = TICKETS


class SessionsOff(GatewayCase):
    @classmethod
    def document(cls) -> Document:
        return document(cls.backend.port)

    @classmethod
    def host(cls) -> dict[str, object]:
        return {"client_auth": {"sessions": "off"}}

    def test_nothing_resumes(self) -> None:
        for version in client.BOTH:
            with self.subTest(version=version):
                context = client.tls_context(pki().good, version)
                with self.gateway.tls(SITES, context=context, sni="a.test") as wire:
                    self.assertEqual(wire.request(host="a.test").status, 200)
                    session = wire.sock.session
                    self.assertEqual((session.id, session.has_ticket) if version == "1.2" else (b"", False), (b"", False))
                with self.gateway.tls(SITES, context=context, sni="a.test", session=session) as wire:
                    self.assertFalse(wire.sock.session_reused)
                    self.assertEqual(wire.request(host="a.test").status, 200)


if __name__ == "__main__":
    main()
