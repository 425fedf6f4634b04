"""An HTTP server of revocation lists, which serves what a test wants at each path and counts who asked.

    lists = ListServer()
    leaf = pki().int_a.issue("leaf", extensions=(CLIENT, lists.names("a.crl")))
    lists.put("a.crl", Crl(pki().int_a).der())
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Optional

from . import der
from .http_wire import Wire
from .server import ThreadedServer


@dataclass(frozen=True)
class Served:
    """What a path says. `delivery`: whole | hold (until `release` is set) | hang (reads, never answers) | close (at once)
    | head (no body follows)."""

    body: bytes = b""
    status: int = 200
    delivery: str = "whole"
    length: Optional[int] = None  # Content-Length; by default the body's
    location: str = ""


class ListServer(ThreadedServer):
    """Threaded. A path that nothing was put at is 404."""

    def __init__(self) -> None:
        self._served: dict[str, Served] = {}
        self._fetches: list[tuple[str, float]] = []
        super().__init__()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"

    def names(self, *names: str) -> str:
        """The extension of a certificate whose lists are at these paths."""
        return "crlDistributionPoints=" + ",".join(f"URI:{self.url(name)}" for name in names)

    def scope(self, name: str) -> bytes:
        """The issuing distribution point of a list that is about certificates of this path only."""
        uri = der.tlv(0x86, self.url(name).encode())
        return der.sequence(der.tlv(0xA0, der.tlv(0xA0, uri)))

    def put(self, name: str, what: bytes | Served) -> None:
        with self._lock:
            self._served[name] = what if isinstance(what, Served) else Served(what)

    def fetches(self, name: str) -> list[float]:
        """When it was asked for (time.monotonic())."""
        with self._lock:
            return [at for path, at in self._fetches if path == name]

    def stop(self) -> None:
        super().stop()
        self.cut()

    def _one(self, wire: Wire, number: int) -> bool:
        line, fields, _ = wire.reader.head()
        wire.reader.body(fields)
        name = line.split(" ")[1].removeprefix("/")
        with self._lock:
            self._fetches.append((name, time.monotonic()))
            served = self._served.get(name, Served(b"no", 404))
        if not self._goes_on(served.delivery):
            return False
        length = len(served.body) if served.length is None else served.length
        head = [f"HTTP/1.1 {served.status} Whatever", "Content-Type: application/pkix-crl", f"Content-Length: {length}"]
        if served.location:
            head.append(f"Location: {served.location}")
        wire.send(("\r\n".join(head) + "\r\n\r\n").encode() + served.body)
        return served.delivery != "head"
