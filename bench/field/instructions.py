"""Instructions of one operation, counted by callgrind: for claims that are smaller than the noise of a clock. A server is
run twice, with few and with many operations; the difference holds no start-up and no shut-down. Of Portcullis the main thread
is left out: it starts and stops, and does so in more or less time."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from .measures import Field, require_clean
from .peers import Peer, Portcullis
from .responder import responder_of


@dataclass(frozen=True)
class Operation:
    title: str
    arguments: list[str]
    client_each: bool = False  # another certificate for every operation
    trusted_chains: int = 1  # CA chains that the listener trusts; more than one: measured of Portcullis alone
    client_auth: str = "{}"  # of the host file, as YAML; any: measured of Portcullis alone
    ocsp: bool = False  # a responder is asked about clients, once a run: so the difference of two runs holds no query

    def alone(self) -> bool:
        return self.trusted_chains > 1 or self.client_auth != "{}" or self.ocsp


FULL = ["--mode", "full", "--connections", "4", "--warmup", "4"]
NEW = ["--mode", "full", "--connections", "1", "--warmup", "1"]
OPERATIONS = {
    "full": Operation("full handshake, known chain", FULL),
    "full-ocsp": Operation("full handshake, known chain, OCSP answer in the cache", FULL, ocsp=True),
    "full-100": Operation("full handshake, known chain, 100 chains trusted", FULL, trusted_chains=100),
    "full-100-unnamed": Operation("full handshake, known chain, 100 chains trusted, ca_names none", FULL, trusted_chains=100,
                                  client_auth="{ca_names: none}"),
    "full-no-journal": Operation("full handshake, known chain, no journal", FULL, client_auth="{journal: 0}"),
    "new": Operation("full handshake, first-seen chain", NEW, client_each=True),
    "new-100": Operation("full handshake, first-seen chain, 100 chains trusted", NEW, client_each=True, trusted_chains=100),
    "new-100-unnamed": Operation("full handshake, first-seen chain, 100 chains trusted, ca_names none", NEW, client_each=True,
                                 trusted_chains=100, client_auth="{ca_names: none}"),
    "resume": Operation("resumed handshake", ["--mode", "resume", "--connections", "4", "--warmup", "8"]),
    "keepalive": Operation("keep-alive GET 1 KB", ["--mode", "keepalive", "--connections", "8"]),
}


def counted(field: Field, peer: Peer, operation: Operation, operations: int) -> int:
    for old in peer.folder.glob("callgrind.*"):
        old.unlink()
    responder = responder_of(peer.chains["ec"]) if operation.ocsp else None
    peer.trusted_chains, peer.client_auth = operation.trusted_chains, operation.client_auth
    peer.ocsp_responder = responder.url if responder else ""
    try:
        run(field, peer, operation, operations)
        if responder and len(responder.queries()) != 1:
            raise RuntimeError(f"{peer.name} has asked the OCSP responder {len(responder.queries())} times, not once")
    finally:
        peer.trusted_chains, peer.client_auth, peer.ocsp_responder = 1, "{}", ""
        if responder:
            responder.stop()
    found = [int(number) for file in peer.folder.glob("callgrind.*")
             if peer.serves_on_first_thread or not file.name.endswith("-01")
             for number in re.findall(r"^(?:totals|summary): (\d+)", file.read_text(), re.M)[-1:]]
    if not found:
        raise RuntimeError(f"{peer.name}: callgrind left no count in {peer.folder}")
    return sum(found)


def run(field: Field, peer: Peer, operation: Operation, operations: int) -> None:
    wrap = ["valgrind", "--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={peer.folder}/callgrind.%p"]
    peer.start(wrap, single=True)
    try:
        arguments = [*operation.arguments, "--operations", str(operations), "--patience", "300"]
        if operation.client_each:
            arguments += ["--clients", str(operations)]
        out = field.load(peer, "ec", arguments, 400)
        require_clean(out, peer)
    finally:
        end(peer)


def end(peer: Peer) -> None:
    """Under valgrind the end takes longer than stop() waits, and the count is only written then."""
    if peer.process is not None:
        peer.process.terminate()
        try:
            peer.process.wait(60)
        except subprocess.TimeoutExpired:
            pass
    peer.stop()


def count(keys: list[str], field: Field, peers: dict[str, Peer],
          progress: Callable[[str], None]) -> dict[str, dict[str, float | str]]:
    """{operation: {peer: instructions, or why not}}"""
    results: dict[str, dict[str, float | str]] = {}
    for key in keys:
        operation = OPERATIONS[key]
        results[key] = {}
        less, more = field.scale.instruction_operations[key.partition("-")[0]]
        for name, peer in peers.items():
            if operation.alone() and not isinstance(peer, Portcullis):
                continue
            progress(f"instructions: {key} of {name}")
            if shutil.which("valgrind") is None:
                results[key][name] = "valgrind is not installed"
            elif not peer.under_valgrind:
                results[key][name] = "does not run under valgrind"
            else:
                few, many = (counted(field, peer, operation, n) for n in (less, more))
                results[key][name] = (many - few) / (more - less)
    return results
