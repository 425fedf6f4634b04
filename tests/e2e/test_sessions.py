"""Sessions resume where they were made and nowhere else, and never let a client skip what it would be asked today.

mtls-invariants I1–I4, I23, L3, L4, L6, L7; azure-semantics §1.3.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Optional

from harness import client, env
from harness.case import GatewayCase, main
from harness.client import SClient, s_client
from harness.document import IDENTITY_REWRITE, Document
from harness.gateway import Gateway, LogLine, token
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


class Sessions(GatewayCase):
    @classmethod
    def document(cls) -> Document:
        return document(cls.backend.port)

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

    def test_a_session_of_one_profile_opens_no_other(self) -> None:
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

    def test_a_passthrough_session_admits_nobody_to_a_strict_listener(self) -> None:
        for version in client.BOTH:
            for who in (pki().expired, pki().untrusted):
                with self.subTest(version=version, who=who.name):
                    session = self.session(version, SITES, "p.test", who)
                    run, line = self.resume(session, version, SITES, "a.test")
                    self.assertFalse(run.reused)
                    self.assertEqual((run.response.status, line.verify), (400, "NONE"))

    def test_the_fallback_is_a_full_handshake_not_an_error(self) -> None:
        for version in client.BOTH:
            session = self.session(version)
            for sni, status in (("b.test", 400), ("other-name.test", 200), ("p.test", 200)):
                with self.subTest(version=version, sni=sni):
                    run, line = self.resume(session, version, SITES, sni, identity=pki().good)
                    self.assertFalse(run.reused)
                    self.assertEqual(run.response.status, status)
                    self.assertNotEqual(line.verify, "NONE", "the client was not asked again")

    def test_without_sni_the_default_listener_is_meant(self) -> None:
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

    def test_a_certificate_that_expired_since_is_refused(self) -> None:
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
                # The connection that was admitted before is judged anew at each request.
                self.assert_certificate_error(wire.request(host="a.test"))

    def test_a_session_of_another_process_is_forgotten_in_silence(self) -> None:
        with Gateway(document(self.backend.port)) as other:
            for version in client.BOTH:
                with self.subTest(version=version):
                    run, line = self.resume(self.session(version), version, gateway=other)
                    self.assertFalse(run.reused)
                    self.assertEqual((run.response.status, line.verify), (400, "NONE"))

    def test_sessions_are_stateful_without_tickets_or_early_data(self) -> None:
        for version in client.BOTH:
            with self.subTest(version=version):
                text = openssl("sess_id", "-in", self.session(version), "-noout", "-text").decode()
                self.assertNotRegex(text, r"Max Early Data: [1-9]")
                if version == "1.2":
                    self.assertNotIn("TLS session ticket:", text)
                    self.assertRegex(text, r"Session-ID: [0-9A-F]{64}")
                else:
                    ticket = text[text.index("TLS session ticket:") :].split("\n\n")[0].splitlines()[1:]
                    rows = [row for row in ticket if row.startswith("    00")]
                    self.assertLessEqual(len(rows), 4, "a ticket that carries the session is longer than an id")

    def test_renegotiation_is_refused(self) -> None:
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


class TrustChanges(GatewayCase):
    """What a reload does to sessions made before it."""

    @classmethod
    def document(cls) -> Document:
        return document(cls.backend.port)

    session, resume = Sessions.session, Sessions.resume

    def setUp(self) -> None:
        self.gateway.reload(document(self.backend.port))

    def test_the_same_document_again_keeps_sessions(self) -> None:
        for version in client.BOTH:
            with self.subTest(version=version):
                session = self.session(version)
                self.gateway.reload()
                run, line = self.resume(session, version)
                self.assertTrue(run.reused)
                self.assertEqual((run.response.status, line.verify), (200, "SUCCESS"))

    def test_each_change_of_trust_ends_its_sessions(self) -> None:
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

    def test_passthrough_sessions_are_not_admitted_once_it_is_strict(self) -> None:
        for version in client.BOTH:
            with self.subTest(version=version):
                self.gateway.reload(document(self.backend.port))
                session = self.session(version, SITES, "p.test", pki().untrusted)
                self.gateway.reload(document(self.backend.port).profile("p", "Strict", ["a"]))
                run, line = self.resume(session, version, SITES, "p.test")
                self.assertFalse(run.reused)
                self.assertEqual((run.response.status, line.verify), (400, "NONE"))


class Lifetime(GatewayCase):
    SECONDS = 3

    @classmethod
    def document(cls) -> Document:
        return document(cls.backend.port)

    @classmethod
    def host(cls) -> dict[str, object]:
        return {"client_auth": {"session_lifetime": f"{cls.SECONDS}s"}}

    def test_resuming_again_and_again_does_not_outlive_the_cap(self) -> None:
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
                with self.gateway.tls(SITES, context=context, sni="a.test", session=session) as wire:
                    self.assertFalse(wire.sock.session_reused)
                    self.assertEqual(wire.request(host="a.test").status, 200)


if __name__ == "__main__":
    main()
