"""Instructions of one operation, counted by callgrind: for claims that are smaller than the noise of a clock. A server is
run twice, with few and with many operations; the difference holds no start-up and no shut-down."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable

from .measures import Field, require_clean
from .peers import Peer

OPERATIONS = {
    "full": ("full handshake, known chain", ["--mode", "full", "--connections", "4", "--warmup", "4"]),
    "resume": ("resumed handshake", ["--mode", "resume", "--connections", "4", "--warmup", "8"]),
    "keepalive": ("keep-alive GET 1 KB", ["--mode", "keepalive", "--connections", "8"]),
}


def counted(field: Field, peer: Peer, arguments: list[str], operations: int) -> int:
    for old in peer.folder.glob("callgrind.*"):
        old.unlink()
    wrap = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={peer.folder}/callgrind.%p"]
    peer.start(wrap, single=True)
    try:
        out = field.load(peer, "ec", [*arguments, "--operations", str(operations), "--patience", "300"], 400)
        require_clean(out, peer)
    finally:
        end(peer)
    found = [int(number) for file in peer.folder.glob("callgrind.*")
             for number in re.findall(r"^(?:totals|summary): (\d+)", file.read_text(), re.M)[-1:]]
    if not found:
        raise RuntimeError(f"{peer.name}: callgrind left no count in {peer.folder}")
    return sum(found)


def end(peer: Peer) -> None:
    """Under valgrind the end takes longer than stop() waits, and the count is only written then."""
    if peer.process is not None:
        peer.process.terminate()
        try:
            peer.process.wait(60)
        except subprocess.TimeoutExpired:
            pass
    peer.stop()


def count(field: Field, peers: dict[str, Peer], progress: Callable[[str], None]) -> dict[str, dict[str, float | str]]:
    """{operation: {peer: instructions, or why not}}"""
    results: dict[str, dict[str, float | str]] = {}
    for key, (_, arguments) in OPERATIONS.items():
        results[key] = {}
        less, more = field.scale.instruction_operations[key]
        for name, peer in peers.items():
            progress(f"instructions: {key} of {name}")
            if shutil.which("valgrind") is None:
                results[key][name] = "valgrind is not installed"
            elif not peer.under_valgrind:
                results[key][name] = "does not run under valgrind"
            else:
                few, many = (counted(field, peer, arguments, n) for n in (less, more))
                results[key][name] = (many - few) / (more - less)
    return results
