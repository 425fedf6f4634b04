"""Instructions of one operation, by single steps of the CPU itself (bench/stepcount): what callgrind, which shows a program
an older CPU, cannot see. Only the serving thread counts, the one that worked most in the warm-up. A reading is of one
connection at a time; what the thread does without any load is taken off."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from .measures import Field, require_clean
from .peers import Peer

SLOWEST = 1800  # seconds of one reading: a handshake is millions of steps, each a trap into the kernel or a hypervisor
WARM_UP = ["--mode", "full", "--connections", "4", "--warmup", "4", "--operations", "100"]


class Stepper:
    def __init__(self, program: Path, field: Field) -> None:
        self.program = program
        self.field = field

    def why_not(self) -> str:
        """Empty: this machine lets us step."""
        if not self.program.exists():
            return f"{self.program} is not built"
        run = subprocess.run([str(self.program), os.devnull, shutil.which("true") or "/bin/true"], capture_output=True,
                             text=True, check=False)
        return "" if run.returncode == 0 else run.stderr.strip() or f"status {run.returncode}"

    def reading(self, peer: Peer, arguments: list[str], operations: int) -> float:
        """Instructions of one operation, of a fresh process: one that was stepped has to catch up with a clock that leaps."""
        counts = peer.folder / "steps.txt"
        peer.start([str(self.program), str(counts)], single=True)
        try:
            require_clean(self.field.load(peer, "ec", WARM_UP), peer)
            idle = self._counted(peer, counts, lambda: time.sleep(1))
            return (self._loaded(peer, counts, arguments, operations) - idle) / operations
        finally:
            peer.stop()

    def _loaded(self, peer: Peer, counts: Path, arguments: list[str], operations: int) -> int:
        """Of the measured phase alone: the load generator stops before it until the server is being stepped."""
        command = self.field.command(peer, "ec", [*arguments, "--connections", "1", "--warmup", "1", "--hold", "--operations",
                                                  str(operations), "--patience", str(SLOWEST)])
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as load:
            try:
                pid, status = os.waitpid(load.pid, os.WUNTRACED)
                if not os.WIFSTOPPED(status):
                    load.returncode = os.waitstatus_to_exitcode(status)
                    raise RuntimeError(f"load generator against {peer.name}: {load.stderr.read().strip()}")
                said: list[str] = []

                def measured() -> None:
                    os.kill(pid, signal.SIGCONT)
                    said.extend(load.communicate(timeout=SLOWEST))

                count = self._counted(peer, counts, measured)
            finally:
                if load.returncode is None:
                    load.kill()
        if load.returncode != 0:
            raise RuntimeError(f"load generator against {peer.name}: {said[1].strip()}")
        require_clean(json.loads(said[0]), peer)
        return count

    def _counted(self, peer: Peer, counts: Path, work: Callable[[], None]) -> int:
        assert peer.process is not None
        lines = len(counts.read_text().splitlines())
        peer.process.send_signal(signal.SIGUSR1)
        await_lines(peer, counts, lines + 1)
        work()
        peer.process.send_signal(signal.SIGUSR2)
        return int(await_lines(peer, counts, lines + 2)[-1])


def await_lines(peer: Peer, counts: Path, number: int) -> list[str]:
    deadline = time.monotonic() + 60
    while len(lines := counts.read_text().splitlines()) < number:
        assert peer.process is not None
        if peer.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{peer.name} under stepcount: no count; {peer.log.read_text(errors='replace')[-500:]}")
        time.sleep(0.02)
    return lines
