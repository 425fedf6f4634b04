"""A throw-away PKI made with the openssl program: every kind of client the gateway has to tell apart.

`pki()` is one per test process; its certificates are made when first asked for. Everything is P-256 unless it says
otherwise, valid from an hour ago for a day, so that nothing expires in the middle of a run.
"""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Optional, Sequence

from . import env

P256 = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
CLIENT = "extendedKeyUsage=clientAuth"
HOUR = 3600

_CONFIG = """
[req]
distinguished_name = dn
prompt = no
string_mask = utf8only
[dn]
[ca]
default_ca = this
[this]
dir = {dir}
database = $dir/index.txt
rand_serial = yes
new_certs_dir = $dir
default_md = sha256
policy = any
unique_subject = no
preserve = yes
copy_extensions = none
string_mask = utf8only
[any]
commonName = optional
"""


def openssl(*arguments: str | Path, data: Optional[bytes] = None) -> bytes:
    done = subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"openssl {' '.join(map(str, arguments))}: {done.stderr.decode()}")
    return done.stdout


def first_pem(text: str) -> str:
    match = re.search(r"-----BEGIN CERTIFICATE-----\n.*?-----END CERTIFICATE-----\n", text, re.S)
    assert match, "no certificate in the text"
    return match.group(0)


@dataclass(frozen=True)
class Identity:
    """A key with the chain that its owner presents, leaf first."""

    name: str
    chain: Path
    key: Path

    @cached_property
    def leaf_pem(self) -> str:
        return first_pem(self.chain.read_text())

    def der(self) -> bytes:
        return openssl("x509", "-in", self.chain, "-outform", "DER")

    @lru_cache(maxsize=None)
    def field(self, *flags: str) -> str:
        """What `openssl x509 -noout FLAGS` prints for the leaf, after the `name=`."""
        text = openssl("x509", "-in", self.chain, "-noout", *flags).decode().strip()
        return text.split("=", 1)[1]


class Authority:
    """A CA: its certificate, its key, and the chain up to its root (itself first)."""

    def __init__(
        self,
        directory: Path,
        name: str,
        subject: str,
        issuer: Optional["Authority"] = None,
        more: Sequence[str] = (),
    ) -> None:
        self.directory = directory
        self.name = name
        self.issuer = issuer
        self._delegates: dict[str, Identity] = {}
        self.config = directory / f"{name}.cnf"
        database = directory / f"{name}.db"
        database.mkdir()
        (database / "index.txt").touch()
        self.config.write_text(_CONFIG.format(dir=database))
        self.certificate = directory / f"{name}.crt"
        self.key = directory / f"{name}.key"
        sign = ["-CA", issuer.certificate, "-CAkey", issuer.key] if issuer else []
        extensions = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign", *more)
        openssl(
            *("req", "-x509", "-config", self.config, *P256, "-nodes", "-utf8", "-subj", subject, "-days", "2"),
            *("-keyout", self.key, "-out", self.certificate, *sign, "-addext", "subjectKeyIdentifier=hash"),
            *(word for extension in extensions for word in ("-addext", extension)),
        )

    def chain(self) -> list["Authority"]:
        return [self] + (self.issuer.chain() if self.issuer else [])

    def pem(self) -> str:
        return first_pem(self.certificate.read_text())

    def bundle(self) -> str:
        """The trusted client CA file of this CA: itself and everything above it, root last."""
        return "".join(authority.pem() for authority in self.chain())

    def subject(self) -> str:
        text = openssl("x509", "-in", self.certificate, "-noout", "-subject", "-nameopt", "RFC2253").decode()
        return text.strip().split("=", 1)[1]

    def shorten(self, seconds: float) -> "Authority":
        """Replaces its certificate, before anything was issued, by one that expires in so many seconds."""
        assert self.issuer
        request, extensions = self.directory / f"{self.name}.csr", self.directory / f"{self.name}.ext"
        subject = openssl("x509", "-in", self.certificate, "-noout", "-subject", "-nameopt", "compat").decode().strip()
        openssl(
            *("req", "-new", "-config", self.config, "-key", self.key, "-out", request),
            *("-subj", subject.split("=", 1)[1]),
        )
        extensions.write_text(
            "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
        )
        now = time.time()
        certificate = openssl(
            *("ca", "-batch", "-notext", "-config", self.issuer.config, "-in", request, "-extfile", extensions),
            *("-cert", self.issuer.certificate, "-keyfile", self.issuer.key, "-preserveDN"),
            *("-startdate", _asn1_time(now - HOUR), "-enddate", _asn1_time(now + seconds)),
        ).decode()
        self.certificate.write_text(first_pem(certificate))
        return self

    def issue(
        self,
        name: str,
        subject: str = "",
        extensions: Sequence[str] = (CLIENT,),
        start: Optional[float] = None,
        end: Optional[float] = None,
        new_key: Sequence[str] = P256,
        present: Optional[Sequence["Authority"]] = None,
    ) -> Identity:
        """A leaf. `start` and `end` are seconds from now; `present` is what follows the leaf in the chain file (by
        default every intermediate, not the root)."""
        key, request, out = (self.directory / f"{name}.{kind}" for kind in ("key", "csr", "crt"))
        subject = subject or f"/C=US/O=Contoso/CN={name}"
        openssl(
            *("req", "-new", "-config", self.config, *new_key, "-nodes", "-utf8", "-subj", subject),
            *("-keyout", key, "-out", request),
        )
        now = time.time()
        extension_file = self.directory / f"{name}.ext"
        extension_file.write_text(
            "\n".join(("subjectKeyIdentifier=hash", "basicConstraints=CA:FALSE", *extensions)) + "\n"
        )
        certificate = openssl(
            *("ca", "-batch", "-notext", "-config", self.config, "-in", request, "-extfile", extension_file, "-utf8"),
            *("-cert", self.certificate, "-keyfile", self.key, "-preserveDN"),
            *("-startdate", _asn1_time(now + (-HOUR if start is None else start))),
            *("-enddate", _asn1_time(now + (24 * HOUR if end is None else end))),
        ).decode()
        above = [a for a in self.chain() if a.issuer] if present is None else present
        out.write_text(first_pem(certificate) + "".join(a.pem() for a in above))
        return Identity(name, out, key)


    def ocsp_delegate(self, kind: str = "delegate") -> Identity:
        """Who may sign OCSP answers for this CA (RFC 6960 §4.2.2.2), and who may not: `delegate`,
        `delegate-without-purpose`, `delegate-expired`, `delegate-of-another-ca`. Made once each."""
        if kind not in self._delegates:
            purpose = () if kind == "delegate-without-purpose" else ("extendedKeyUsage=OCSPSigning", "noCheck=ignored")
            issuer = pki().root_b if kind == "delegate-of-another-ca" else self
            when = {"start": -48.0 * HOUR, "end": -24.0 * HOUR} if kind == "delegate-expired" else {}
            name = f"{self.name}-{kind}"
            self._delegates[kind] = issuer.issue(name, f"/CN={name}", purpose, present=(), **when)
        return self._delegates[kind]


def _asn1_time(seconds: float) -> str:
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(seconds))


class Pki:
    PASSWORD = "e2epassword"

    def __init__(self) -> None:
        self.directory = env.new_dir("pki")

    def _authority(
        self, name: str, subject: str, issuer: Optional[Authority] = None, more: Sequence[str] = ()
    ) -> Authority:
        return Authority(self.directory, name, subject, issuer, more)

    # --- the server's side --------------------------------------------------------------------------------------------

    @cached_property
    def server_root(self) -> Authority:
        return self._authority("server-root", "/CN=Portcullis E2E server root")

    @cached_property
    def server(self) -> Identity:
        names = "subjectAltName=DNS:localhost,DNS:*.test,DNS:a.test,DNS:b.test,IP:127.0.0.1"
        return self.server_root.issue("server", "/CN=localhost", (names, "extendedKeyUsage=serverAuth"))

    @cached_property
    def server_pfx(self) -> Path:
        path = self.directory / "server.pfx"
        openssl(
            *("pkcs12", "-export", "-in", self.server.chain, "-inkey", self.server.key, "-out", path),
            *("-passout", f"pass:{self.PASSWORD}", "-name", "server"),
        )
        return path

    @cached_property
    def server_pem(self) -> Path:
        path = self.directory / "server.pem"
        path.write_text(self.server.key.read_text() + self.server.chain.read_text())
        return path

    # --- CA A: the one that strict profiles trust ---------------------------------------------------------------------

    @cached_property
    def root_a(self) -> Authority:
        return self._authority("root-a", "/C=US/O=Contoso/CN=Contoso Root A")

    @cached_property
    def int_a(self) -> Authority:
        return self._authority("int-a", "/C=US/O=Contoso/CN=Contoso Int A", self.root_a)

    @cached_property
    def sibling_a(self) -> Authority:
        return self._authority("sibling-a", "/C=US/O=Contoso/CN=Contoso Int A2", self.root_a)

    @cached_property
    def good(self) -> Identity:
        return self.int_a.issue("good")

    @cached_property
    def good_leaf_only(self) -> Identity:
        """Sends its leaf alone: the intermediate is in the uploaded file."""
        return self.int_a.issue("good-leaf-only", present=())

    @cached_property
    def good_rsa(self) -> Identity:
        return self.int_a.issue("good-rsa", new_key=("-newkey", "rsa:2048"))

    @cached_property
    def no_eku(self) -> Identity:
        return self.int_a.issue("no-eku", extensions=())

    @cached_property
    def expired(self) -> Identity:
        return self.int_a.issue("expired", start=-48 * HOUR, end=-24 * HOUR)

    @cached_property
    def not_yet(self) -> Identity:
        return self.int_a.issue("not-yet-valid", start=12 * HOUR, end=24 * HOUR)

    @cached_property
    def server_auth(self) -> Identity:
        return self.int_a.issue("server-auth", extensions=("extendedKeyUsage=serverAuth",))

    @cached_property
    def under_server_ca(self) -> Identity:
        """A clientAuth leaf of an intermediate that is for servers only (I6)."""
        server_ca = self._authority("server-ca", "/CN=For Servers", self.root_a, ("extendedKeyUsage=serverAuth",))
        return server_ca.issue("under-server-ca")

    @cached_property
    def big_rsa(self) -> Identity:
        return self.int_a.issue("big-rsa", new_key=("-newkey", "rsa:3072"))

    @cached_property
    def weak_rsa(self) -> Identity:
        return self.int_a.issue("weak-rsa", new_key=("-newkey", "rsa:1024"))

    @cached_property
    def sibling(self) -> Identity:
        """From another intermediate under the same root: admitted, unless the issuer-DN rule is on."""
        return self.sibling_a.issue("sibling")

    @cached_property
    def fancy(self) -> Identity:
        subject = "/C=US/ST=WA/L=Redmond/O=Contoso, Ltd/OU=IoT/CN=d\u00e9v 01/emailAddress=a@b.c"
        return self.int_a.issue("fancy", subject)

    @cached_property
    def spoof(self) -> Identity:
        """A subject that would break out of a header or a log line if it were written as it is."""
        return self.int_a.issue("spoof", '/CN=a\r\nX-Admin: yes\t"\\\\ {var_client_ip} <b>%00')

    def short_lived(self, seconds: float) -> Identity:
        return self.int_a.issue(f"short-lived-{time.monotonic_ns()}", end=seconds)

    def under_short_lived_ca(self, seconds: float) -> Identity:
        """A leaf that lives for a day below an intermediate that does not."""
        name = f"short-ca-{time.monotonic_ns()}"
        return self._authority(name, f"/O=Contoso/CN={name}", self.root_a).shorten(seconds).issue(f"below-{name}")

    @cached_property
    def wrong_key(self) -> Identity:
        """The certificate of `good` with a key that claims its public half but has another's private half: what a thief
        of a public certificate can do at best."""
        thief = self.int_a.issue("thief")
        true, other = (openssl("ec", "-in", who.key, "-outform", "DER") for who in (self.good, thief))
        # SEC1: 30 len 02 01 01 04 20 <private: 32 bytes> … 03 42 00 <public: 65 bytes, last>
        private = other.index(b"\x02\x01\x01\x04\x20") + 5
        mixed = other[:private] + other[private : private + 32] + other[private + 32 : -65] + true[-65:]
        key = self.directory / "wrong-key.key"
        openssl("ec", "-inform", "DER", "-out", key, data=mixed)
        return Identity("wrong-key", self.good.chain, key)

    @cached_property
    def long_chain(self) -> Identity:
        """Fourteen intermediates deep: more certificates than `limits.presented_certificates` allows."""
        authority = self.root_a
        for depth in range(14):
            authority = self._authority(f"deep-{depth}", f"/O=Contoso/CN=Deep {depth}", authority)
        return authority.issue("long-chain")

    @cached_property
    def heavy_chain(self) -> Identity:
        """Few certificates, many bytes: more than `limits.presented_bytes` allows."""
        comment = "nsComment=" + "x" * 40_000
        return self.int_a.issue("heavy-chain", extensions=(CLIENT, comment))

    # --- others -------------------------------------------------------------------------------------------------------

    @cached_property
    def root_b(self) -> Authority:
        return self._authority("root-b", "/C=US/O=Fabrikam/CN=Fabrikam Root B")

    @cached_property
    def int_b(self) -> Authority:
        return self._authority("int-b", "/C=US/O=Fabrikam/CN=Fabrikam Int B", self.root_b)

    @cached_property
    def good_b(self) -> Identity:
        return self.int_b.issue("good-b")

    @cached_property
    def name_thief(self) -> Identity:
        """From an intermediate under root B that took the name of CA A's intermediate (I25)."""
        return self._authority("thief-int", "/C=US/O=Contoso/CN=Contoso Int A", self.root_b).issue("name-thief")

    @cached_property
    def twin_root_a(self) -> Authority:
        """The name of CA A with another key."""
        return self._authority("twin-root-a", "/C=US/O=Contoso/CN=Contoso Root A")

    @cached_property
    def twin_int_a(self) -> Authority:
        return self._authority("twin-int-a", "/C=US/O=Contoso/CN=Contoso Int A", self.twin_root_a)

    @cached_property
    def _rogue_int(self) -> Authority:
        return self._authority("rogue-int", "/O=Rogue/CN=Rogue Int", self._authority("rogue", "/O=Rogue/CN=Rogue Root"))

    @cached_property
    def untrusted(self) -> Identity:
        """Unknown issuer, and only the leaf is sent."""
        return self._rogue_int.issue("untrusted", present=())

    @cached_property
    def untrusted_with_intermediate(self) -> Identity:
        return self._rogue_int.issue("untrusted-int")

    @cached_property
    def untrusted_with_root(self) -> Identity:
        return self._rogue_int.issue("untrusted-root", present=self._rogue_int.chain())

    @cached_property
    def self_signed(self) -> Identity:
        key, chain = self.directory / "self-signed.key", self.directory / "self-signed.crt"
        openssl(
            *("req", "-x509", "-config", self.root_a.config, *P256, "-nodes", "-subj", "/CN=self-signed", "-days", "2"),
            *("-addext", CLIENT, "-addext", "basicConstraints=CA:FALSE", "-keyout", key, "-out", chain),
        )
        return Identity("self-signed", chain, key)


@lru_cache(maxsize=None)
def pki() -> Pki:
    return Pki()
