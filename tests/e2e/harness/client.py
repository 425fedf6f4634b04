"""Clients: raw bytes over TCP and TLS, curl, and openssl s_client."""

from __future__ import annotations

import json
import re
import shutil
import socket
import ssl
import subprocess
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from . import env, http_wire
from .http_wire import Fields, Reader, Response, Wire
from .pki import Identity, pki

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
BOTH = tuple(VERSIONS)


def tcp(port: int, address: str = "127.0.0.1", timeout: float = 10) -> Wire:
    return Wire(socket.create_connection((address, port), timeout=env.patience(timeout)))


def tls_context(identity: Optional[Identity] = None, version: Optional[str] = None) -> ssl.SSLContext:
    """A client that checks the server's certificate chain (not its name) and presents `identity`'s whole chain."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(pki().server_root.certificate)
    if version:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            context.minimum_version = context.maximum_version = VERSIONS[version]
    if identity:
        context.set_ciphers(
            "DEFAULT:@SECLEVEL=0"
        )  # our own weak key is for the gateway to refuse, not for OpenSSL here
        context.load_cert_chain(identity.chain, identity.key)
    return context


def tls(
    port: int,
    identity: Optional[Identity] = None,
    version: Optional[str] = None,
    sni: Optional[str] = "localhost",
    context: Optional[ssl.SSLContext] = None,
    session: Optional[ssl.SSLSession] = None,
    timeout: float = 10,
) -> Wire:
    """A finished handshake. Raises ssl.SSLError or ConnectionError where the server refuses it."""
    raw = tcp(port, timeout=timeout).sock
    try:
        sock = (context or tls_context(identity, version)).wrap_socket(raw, server_hostname=sni, session=session)
    except BaseException:
        raw.close()
        raise
    return Wire(sock)


def get(port: int, target: str = "/", host: str = "localhost", fields: Fields | None = None, **how: object) -> Response:
    """One GET over a TLS connection of its own."""
    with tls(port, **how) as wire:  # type: ignore[arg-type]
        return wire.request(target, host, fields=[*(fields or []), ("Connection", "close")])


def handshake_fails(port: int, identity: Optional[Identity], version: str, sni: str = "localhost") -> bool:
    """Whether the server ends the handshake instead of serving a request. In TLS 1.3 the client learns of it only when it
    reads."""
    try:
        with tls(port, identity, version, sni) as wire:
            wire.request()
    except (ssl.SSLError, ConnectionError, http_wire.Closed):
        return True
    return False


class Handshake:
    """A TLS client whose every byte to the server is handed out, so that it can be cut or trickled."""

    def __init__(
        self,
        port: int,
        identity: Optional[Identity] = None,
        version: Optional[str] = None,
        sni: str = "localhost",
        context: Optional[ssl.SSLContext] = None,
    ) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = context or tls_context(identity, version)
        self.object = context.wrap_bio(self.incoming, self.outgoing, server_hostname=sni)
        self.wire = tcp(port)
        self.sent = 0

    def run(self, limit: Optional[int] = None, piece: Optional[int] = None) -> bool:
        """Until the handshake is done (True), or `limit` bytes have been sent (False). `piece`: bytes a send."""
        while True:
            try:
                self.object.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                done = False
            if not self._flush(limit, piece):
                return False
            if done:
                return True
            self.feed()

    def _flush(self, limit: Optional[int], piece: Optional[int]) -> bool:
        data = self.outgoing.read()
        cut = len(data) if limit is None else min(len(data), limit - self.sent)
        for at in range(0, cut, piece or max(cut, 1)):
            self.wire.send(data[at : min(at + (piece or cut), cut)])
        self.sent += cut
        return limit is None or self.sent < limit

    def feed(self) -> None:
        data = self.wire.sock.recv(65536)
        if not data:
            raise http_wire.Closed("end of stream in the handshake")
        self.incoming.write(data)

    def send(self, data: bytes) -> None:
        self.object.write(data)
        self._flush(None, None)

    def read(self, count: int = 65536) -> bytes:
        while True:
            try:
                return self.object.read(count)
            except ssl.SSLWantReadError:
                self.feed()


# --- curl -------------------------------------------------------------------------------------------------------------


@dataclass
class Curl:
    exit_code: int
    status: int
    head: str
    body: str
    error: str
    results: list[dict] = field(default_factory=list)  # curl's --write-out '%{json}', one a transfer


def curl(*arguments: str | Path, identity: Optional[Identity] = None, version: Optional[str] = None) -> Curl:
    """Runs curl quietly with the server's CA trusted."""
    command: list[str] = ["curl", "-q", "-sS", "--http1.1", "--max-time", str(env.patience(20)), "--noproxy", "*"]
    command += ["--cacert", str(pki().server_root.certificate), "-D", "-", "-w", "\x1e%{json}\x1e"]
    if identity:
        command += ["--cert", str(identity.chain), "--key", str(identity.key)]
    if version == "1.2":
        command += ["--tls-max", "1.2", "--tlsv1.2"]
    elif version == "1.3":
        command += ["--tlsv1.3"]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, timeout=env.patience(40))
    parts = done.stdout.decode("utf-8", "replace").split("\x1e")
    results = [json.loads(part) for part in parts[1::2]]
    head, _, body = parts[-3].partition("\r\n\r\n") if len(parts) >= 3 else ("", "", "")
    status = int(results[-1]["response_code"]) if results else 0
    return Curl(done.returncode, status, head, body, done.stderr.decode(), results)


# --- openssl s_client -------------------------------------------------------------------------------------------------


@dataclass
class SClient:
    output: str
    error: str
    response: Optional[Response]

    @property
    def reused(self) -> bool:
        assert re.search(r"^(New|Reused), ", self.output, re.M), self.output + self.error
        return re.search(r"^Reused, ", self.output, re.M) is not None

    @property
    def certificate_requested(self) -> bool:
        assert "ClientHello" in self.output, "run it with messages=True"
        return re.search(r"^<<< .*CertificateRequest", self.output, re.M) is not None

    @property
    def ca_names(self) -> list[str]:
        match = re.search(r"^Acceptable client certificate CA names\n((?:.+\n)+?)(?=\S[^\n]*: |---)", self.output, re.M)
        return match[1].splitlines() if match else []


class _Bytes:
    """A socket-like end over bytes, for the response reader."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def recv(self, _: int) -> bytes:
        data, self.data = self.data, b""
        return data


def s_client(
    port: int,
    *,
    identity: Optional[Identity] = None,
    version: str = "1.3",
    sni: Optional[str] = "localhost",
    host: str = "localhost",
    target: str = "/",
    session_in: Optional[Path] = None,
    session_out: Optional[Path] = None,
    messages: bool = False,
) -> SClient:
    """One request over `openssl s_client`, which can carry a session to any other server, name or certificate.

    `messages`: show the handshake messages, for `certificate_requested`.
    """
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-ign_eof", "-nameopt", "RFC2253"]
    command += ["-msg"] if messages else []
    command += ["-CAfile", str(pki().server_root.certificate), "-tls1_2" if version == "1.2" else "-tls1_3"]
    command += ["-servername", sni] if sni else ["-noservername"]
    if identity:
        command += ["-cert", str(identity.chain), "-key", str(identity.key), "-cert_chain", str(identity.chain)]
        command += ["-cipher", "DEFAULT:@SECLEVEL=0"]
    if session_in:
        command += ["-sess_in", str(session_in)]
    if session_out:
        command += ["-sess_out", str(session_out)]
    data = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    done = subprocess.run(command, input=data, capture_output=True, timeout=env.patience(20))
    at = done.stdout.find(b"HTTP/1.")
    response = None
    if at >= 0:
        # s_client writes its own words between records; with -msg they begin with "<<<" or ">>>" and hex dumps.
        plain = _without_chatter(done.stdout[at:])
        try:
            response = http_wire.read_response(Reader(_Bytes(plain)))  # type: ignore[arg-type]
        except (AssertionError, http_wire.Closed) as error:
            raise AssertionError(f"{error}: {plain!r}") from error
    return SClient(done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"), response)


def _without_chatter(data: bytes) -> bytes:
    data = re.sub(rb"(?:<<<|>>>) [^\n]*\n(?:    (?:[0-9a-f]{2} ?)+(?:- )?(?:[0-9a-f]{2} ?)*\n)*", b"", data)
    return re.sub(
        rb"\n?---\nPost-Handshake New Session Ticket arrived:\n.*?\n---\nread R BLOCK\n", b"", data, flags=re.S
    )


def have(*programs: str) -> bool:
    return all(shutil.which(program) or Path("/usr/sbin", program).exists() for program in programs)
