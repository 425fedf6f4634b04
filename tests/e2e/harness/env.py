"""Where things are, how patient to be, and how much to do: the same tests run in release and under sanitizers."""

from __future__ import annotations

import atexit
import os
import random
import shutil
import socket
import tempfile
import time
from functools import lru_cache
from pathlib import Path
from typing import Callable, Optional, TypeVar

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[3]
BINARY = Path(os.environ.get("PORTCULLIS", ROOT / "build" / "release" / "portcullis"))
SHARED = Path(os.environ.get("PORTCULLIS_SHARED", ROOT.parent / "shared"))


@lru_cache(maxsize=None)
def sanitized() -> bool:
    """Whether the binary was built with AddressSanitizer: slower, and its memory figures mean something else."""
    said = os.environ.get("PORTCULLIS_SANITIZED")
    if said:
        return said == "1"
    return b"__asan_report_load" in BINARY.read_bytes() if BINARY.exists() else False


def scale(count: int, least: int = 1) -> int:
    """`count` iterations in release; fewer under a sanitizer; PORTCULLIS_E2E_SCALE overrides the factor."""
    factor = float(os.environ.get("PORTCULLIS_E2E_SCALE") or (0.2 if sanitized() else 1.0))
    return max(least, int(count * factor))


def patience(seconds: float) -> float:
    """A deadline that is generous enough for a busy machine and for a sanitizer build; never waited out on success."""
    return seconds * (4 if sanitized() else 2)


def wait_until(what: str, probe: Callable[[], Optional[T]], seconds: float = 10) -> T:
    """Polls until `probe` returns something true, and returns it; fails, naming `what`, when the deadline passes."""
    deadline = time.monotonic() + patience(seconds)
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience(seconds):.0f} s for {what}")
        time.sleep(0.01)


_reserved: list[socket.socket] = []


def free_port(addresses: tuple[str, ...] = ("127.0.0.1",)) -> int:
    """A TCP port that nothing uses on any of `addresses`, for a server that is yet to be started.

    Taken from below the ephemeral range, so that no outgoing connection of a parallel test can grab it, and reserved
    among all test processes by the name of an abstract Unix socket, which vanishes with this process.
    """
    for _ in range(2000):
        port = random.randrange(10240, 32000)
        name = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            name.bind(f"\0portcullis-e2e-port-{port}")
            for address in addresses:
                with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind((address, port))
        except OSError:
            name.close()
            continue
        _reserved.append(name)
        return port
    raise AssertionError("no free port found")


@lru_cache(maxsize=None)
def scratch() -> Path:
    """This process's temporary directory; removed when it ends (kept with PORTCULLIS_E2E_KEEP=1)."""
    path = Path(tempfile.mkdtemp(prefix="portcullis-e2e-"))
    path.chmod(0o755)  # a gateway that dropped its privileges still reads its document here
    if not os.environ.get("PORTCULLIS_E2E_KEEP"):
        atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def new_dir(name: str) -> Path:
    path = Path(tempfile.mkdtemp(prefix=name + "-", dir=scratch()))
    path.chmod(0o755)
    return path
