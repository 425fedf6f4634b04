"""Instructions of one operation: for claims that are smaller than the noise of a clock. Two counters. callgrind runs the server
on a CPU of its own making, that knows neither SHA-NI nor VAES nor AVX-512, so that OpenSSL takes longer ways than it would: for
what handles many bytes it says too much. A server is run twice, with few and with many operations; the difference holds no
start-up and no shut-down. Of Portcullis the main thread is left out: it starts and stops, and does so in more or less time. The
other counter steps the real CPU (stepping.py)."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .measures import Field, require_clean
from .peers import Peer, Portcullis
from .responder import responder_of
from .stepping import Stepper

COUNTERS = {"callgrind": "callgrind: all threads but the first", "step": "stepping the CPU: the serving thread"}


@dataclass(frozen=True)
class Operation:
    title: str
    arguments: list[str]
    client_each: bool = False  # another certificate for every operation
    trusted_chains: int = 1  # CA chains that the listener trusts; more than one: measured of Portcullis alone
    issuer_dn: bool = False  # its issuer-DN rule; on: measured of Portcullis alone
    client_auth: str = "{}"  # of the host file, as YAML; any: measured of Portcullis alone
    ocsp: bool = False  # a responder is asked about clients, once a run: so the difference of two runs holds no query

    def alone(self) -> bool:
        return self.trusted_chains > 1 or self.issuer_dn or self.client_auth != "{}" or self.ocsp


FULL = ["--mode", "full", "--connections", "4", "--warmup", "4"]
NEW = ["--mode", "full", "--connections", "1", "--warmup", "1"]
HUNDRED = {"trusted_chains": 100}
OPERATIONS = {
    "full": Operation("full handshake, known chain", FULL),
    "full-ocsp": Operation("full handshake, known chain, OCSP answer in the cache", FULL, ocsp=True),
    "full-issuer": Operation("full handshake, known chain, issuer-DN rule", FULL, issuer_dn=True),
    "full-100": Operation("full handshake, known chain, 100 chains trusted, issuer-DN rule", FULL, **HUNDRED, issuer_dn=True),
    "full-100-anyissuer": Operation("full handshake, known chain, 100 chains trusted", FULL, **HUNDRED),
    "full-100-unnamed": Operation("full handshake, known chain, 100 chains trusted, ca_names none", FULL, **HUNDRED,
                                  client_auth="{ca_names: none}"),
    "full-no-journal": Operation("full handshake, known chain, no journal", FULL, client_auth="{journal: 0}"),
    "new": Operation("full handshake, first-seen chain", NEW, client_each=True),
    "new-issuer": Operation("full handshake, first-seen chain, issuer-DN rule", NEW, client_each=True, issuer_dn=True),
    "new-100": Operation("full handshake, first-seen chain, 100 chains trusted, issuer-DN rule", NEW, client_each=True,
                         **HUNDRED, issuer_dn=True),
    "new-100-anyissuer": Operation("full handshake, first-seen chain, 100 chains trusted", NEW, client_each=True, **HUNDRED),
    "new-100-unnamed": Operation("full handshake, first-seen chain, 100 chains trusted, ca_names none", NEW, client_each=True,
                                 **HUNDRED, client_auth="{ca_names: none}"),
    "resume": Operation("resumed handshake", ["--mode", "resume", "--connections", "4", "--warmup", "8"]),
    "keepalive": Operation("keep-alive GET 1 KB", ["--mode", "keepalive", "--connections", "8"]),
}


@contextmanager
def set_up_for(peer: Peer, operation: Operation) -> Iterator[None]:
    """The peer's next start is as the operation wants it, and with a journal that is empty: one that is trimmed takes as
    many instructions as a hundred handshakes."""
    for old in peer.folder.glob("callgrind.*"):
        old.unlink()
    peer.empty_journal()
    responder = responder_of(peer.chains["ec"]) if operation.ocsp else None
    peer.trusted_chains, peer.client_auth, peer.issuer_dn = operation.trusted_chains, operation.client_auth, operation.issuer_dn
    peer.ocsp_responder = responder.url if responder else ""
    try:
        yield
        if responder and len(responder.queries()) != 1:
            raise RuntimeError(f"{peer.name} has asked the OCSP responder {len(responder.queries())} times, not once")
    finally:
        peer.trusted_chains, peer.client_auth, peer.issuer_dn, peer.ocsp_responder = 1, "{}", False, ""
        if responder:
            responder.stop()


def load_of(operation: Operation, operations: int) -> list[str]:
    # One client would have been seen in the warm-up.
    return [*operation.arguments, *(["--clients", str(max(2, operations))] if operation.client_each else [])]


def counted(field: Field, peer: Peer, operation: Operation, operations: int) -> int:
    with set_up_for(peer, operation):
        run(field, peer, operation, operations)
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
        arguments = [*load_of(operation, operations), "--operations", str(operations), "--patience", "300"]
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


def by_callgrind(key: str, field: Field, peer: Peer) -> list[float]:
    less, more = field.scale.instruction_operations[key.partition("-")[0]]
    few, many = (counted(field, peer, OPERATIONS[key], n) for n in (less, more))
    return [(many - few) / (more - less)]


def by_steps(key: str, field: Field, peer: Peer, stepper: Stepper, rounds: int) -> list[float]:
    operation, number = OPERATIONS[key], field.scale.stepped_operations[key.partition("-")[0]]
    seen = []
    for _ in range(rounds):
        with set_up_for(peer, operation):
            seen.append(stepper.reading(peer, load_of(operation, number), number))
    return seen


def count(keys: list[str], counter: str, field: Field, peers: dict[str, Peer], rounds: int,
          progress: Callable[[str], None]) -> dict[str, dict[str, dict[str, Any] | str]]:
    """{operation: {peer: its median and readings, or why not}}"""
    stepper = Stepper(field.program.with_name("bench-stepcount"), field)
    impossible = stepper.why_not() if counter == "step" else "" if shutil.which("valgrind") else "valgrind is not installed"
    results: dict[str, dict[str, dict[str, Any] | str]] = {}
    for key in keys:
        results[key] = {}
        for name, peer in peers.items():
            if OPERATIONS[key].alone() and not isinstance(peer, Portcullis):
                continue
            progress(f"instructions: {key} of {name}")
            if impossible or not peer.countable:
                results[key][name] = impossible or "has more threads than one that serve, and does not run under valgrind"
                continue
            seen = by_steps(key, field, peer, stepper, rounds) if counter == "step" else by_callgrind(key, field, peer)
            results[key][name] = {"value": statistics.median(seen), "readings": seen}
    return results
