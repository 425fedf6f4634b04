"""Backends: one in Python that does what its path says and remembers every byte it got, and nginx."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Optional
from urllib.parse import parse_qs, urlsplit

from . import env, http_wire
from .http_wire import Closed, Fields, Wire
from .server import ThreadedServer


@dataclass
class Recorded:
    """A request as the backend got it."""

    method: str
    target: str
    version: str
    fields: Fields
    body: bytes
    trailers: Fields
    raw_head: bytes
    connection: int  # from 1, in the order of accept
    backend: "Backend" = field(repr=False)

    def get(self, name: str) -> Optional[str]:
        return http_wire.get(self.fields, name)

    def names(self) -> list[str]:
        return [name.lower() for name, _ in self.fields]


class Backend(ThreadedServer):
    """A threaded HTTP/1.1 server. By default it answers 200 with the request as JSON; see `_behaviours`."""

    _ends_quietly = (Closed, OSError, AssertionError)

    def __init__(self, address: str = "127.0.0.1", port: int = 0) -> None:
        self.requests: list[Recorded] = []
        self.bytes_received = 0
        super().__init__(address, port)

    # --- what tests ask -----------------------------------------------------------------------------------------------

    def request_for(self, target_part: str) -> Recorded:
        """Waits for the one request whose target contains `target_part`."""
        found = env.wait_until(f"a request with {target_part!r} at the backend", lambda: self.all_for(target_part))
        assert len(found) == 1, f"{len(found)} requests with {target_part!r}"
        return found[0]

    def all_for(self, target_part: str) -> list[Recorded]:
        with self._lock:
            return [request for request in self.requests if target_part in request.target]

    # --- the server ---------------------------------------------------------------------------------------------------

    def _one(self, wire: Wire, number: int) -> bool:
        line, fields, raw = wire.reader.head()
        method, target, version = line.split(" ")
        path = urlsplit(target).path
        behaviour = self._behaviours().get(path.split("/")[1] if path.startswith("/") else "", Backend._echo)
        wants_continue = (http_wire.get(fields, "expect") or "").lower() == "100-continue"
        request = Recorded(method, target, version, fields, b"", [], raw, number, self)
        if path.startswith("/early"):  # answers before it has read the body
            self._record(request)
            return self._early(wire, request)
        if wants_continue:
            wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        body, request.trailers = wire.reader.body(fields)
        request.body = body or b""
        self._record(request)
        return behaviour(self, wire, request)

    def _record(self, request: Recorded) -> None:
        with self._lock:
            self.requests.append(request)
            self.bytes_received += len(request.raw_head) + len(request.body)

    @staticmethod
    def _behaviours() -> dict[str, Callable[["Backend", Wire, Recorded], bool]]:
        return {
            "status": Backend._status,
            "hold": Backend._hold,
            "slow-head": Backend._slow_head,
            "close": lambda *_: False,
            "close-mid-head": Backend._close_mid_head,
            "close-mid-body": Backend._close_mid_body,
            "close-after": Backend._close_after,
            "garbage": Backend._garbage,
            "raw": Backend._raw,
            "huge-head": Backend._huge_head,
            "chunked": Backend._chunked,
            "until-close": Backend._until_close,
            "big": Backend._big,
            "headers": Backend._headers,
        }

    def answer(self, wire: Wire, request: Recorded, status: int, body: bytes, fields: Fields | None = None) -> bool:
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in fields or [("Content-Type", "application/json")]]
        wire.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (b"" if request.method == "HEAD" else body))
        return True

    def _echo(self, wire: Wire, request: Recorded) -> bool:
        return self.answer(wire, request, 200, json.dumps(self.seen(request)).encode())

    def seen(self, request: Recorded) -> dict[str, Any]:
        return {
            "method": request.method,
            "target": request.target,
            "headers": request.fields,
            "body_length": len(request.body),
            "trailers": request.trailers,
            "backend": f"{self.address}:{self.port}",
            "connection": request.connection,
        }

    def _query(self, request: Recorded, name: str, default: str) -> str:
        return parse_qs(urlsplit(request.target).query).get(name, [default])[0]

    def _status(self, wire: Wire, request: Recorded) -> bool:
        status = int(urlsplit(request.target).path.split("/")[2])
        if status in (204, 304):
            wire.send(f"HTTP/1.1 {status} Whatever\r\nX-Empty: yes\r\n\r\n")
            return True
        return self.answer(wire, request, status, b"status body")

    def _hold(self, wire: Wire, request: Recorded) -> bool:
        """Never answers until release is set (or the peer goes)."""
        while not self.release.wait(0.05):
            wire.sock.settimeout(0.001)
            try:
                if wire.sock.recv(1, socket.MSG_PEEK) == b"":
                    return False
            except (BlockingIOError, TimeoutError):
                pass
            finally:
                wire.sock.settimeout(None)
        return self._echo(wire, request)

    def _slow_head(self, wire: Wire, request: Recorded) -> bool:
        body = b"slow"
        for byte in f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body:
            wire.send(bytes([byte]))
        return True

    def _close_mid_head(self, wire: Wire, request: Recorded) -> bool:
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Le")
        return False

    def _close_mid_body(self, wire: Wire, request: Recorded) -> bool:
        framing = {
            "chunked": "Transfer-Encoding: chunked\r\n\r\n64\r\nhalf",
            "length": "Content-Length: 100\r\n\r\nhalf",
        }
        wire.send("HTTP/1.1 200 OK\r\n" + framing[self._query(request, "by", "length")])
        return False

    def _close_after(self, wire: Wire, request: Recorded) -> bool:
        """A whole answer, then the connection ends without notice."""
        self._echo(wire, request)
        return False

    def _garbage(self, wire: Wire, request: Recorded) -> bool:
        wire.send(b"\x16\x03\x01this is not HTTP\r\n\r\n")
        return False

    def _raw(self, wire: Wire, request: Recorded) -> bool:
        """Sends the bytes that the query `hex` spells."""
        wire.send(bytes.fromhex(self._query(request, "hex", "")))
        return self._query(request, "close", "yes") != "yes"

    def _huge_head(self, wire: Wire, request: Recorded) -> bool:
        wire.send(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1_000_000 + b"\r\nContent-Length: 0\r\n\r\n")
        return False

    def _chunked(self, wire: Wire, request: Recorded) -> bool:
        wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Checksum\r\n\r\n")
        if request.method == "HEAD":
            return True
        for part in (b"one ", b"two ", b"three"):
            wire.send(b"%x;ext=1\r\n%s\r\n" % (len(part), part))
        wire.send(b"0\r\nX-Checksum: abc\r\n\r\n")
        return True

    def _until_close(self, wire: Wire, request: Recorded) -> bool:
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the ")
        wire.send(b"end")
        return False

    def _big(self, wire: Wire, request: Recorded) -> bool:
        left = int(self._query(request, "n", str(1 << 20)))
        wire.send(f"HTTP/1.1 200 OK\r\nContent-Length: {left}\r\nContent-Type: application/octet-stream\r\n\r\n")
        block = b"0123456789abcdef" * 4096
        while left and request.method != "HEAD":
            part = block[: min(left, len(block))]
            wire.send(part)
            left -= len(part)
        return True

    def _headers(self, wire: Wire, request: Recorded) -> bool:
        """An answer with hop-by-hop fields and doubles."""
        fields = [
            ("Connection", "X-Private"),
            ("X-Private", "between us"),
            ("Keep-Alive", "timeout=5"),
            ("Server", "secret-backend/1.0"),
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
            ("X-Powered-By", "Python"),
        ]
        return self.answer(wire, request, 200, b"headers", fields)

    def _early(self, wire: Wire, request: Recorded) -> bool:
        self.answer(wire, request, 413, b"too early", [("Connection", "close")])
        return False


class Nginx:
    """Debian's nginx in a prefix of its own; answers 200 with the headers it got."""

    def __init__(self, port: Optional[int] = None, workers: int = 1) -> None:
        self.port = port or env.free_port()
        self.prefix = env.new_dir("nginx")
        self.access = self.prefix / "access.log"
        config = self.prefix / "nginx.conf"
        paths = "".join(
            f"{kind}_temp_path {self.prefix}/{kind};" for kind in "client_body proxy fastcgi uwsgi scgi".split()
        )
        echo = "".join(f"add_header X-Saw-{name} ${var} always;" for name, var in self._SHOWN.items())
        config.write_text(
            f"""
            daemon off; worker_processes {workers}; pid {self.prefix}/nginx.pid; error_log {self.prefix}/error.log;
            {'user root;' if os.getuid() == 0 else ''}
            events {{ worker_connections 16384; }}
            http {{
              access_log off; {paths} keepalive_requests 1000000; keepalive_timeout 300s; client_max_body_size 0;
              large_client_header_buffers 8 64k;
              log_format seen '$request_uri $http_x_client_cert_verify $http_x_client_cert';
              server {{
                listen 127.0.0.1:{self.port} backlog=8192;
                location / {{ access_log {self.access} seen; {echo} return 200 "nginx says ok\\n"; }}
                location /quiet {{ access_log off; return 200 "ok\\n"; }}
              }}
            }}
            """
        )
        program = "/usr/sbin/nginx" if Path("/usr/sbin/nginx").exists() else "nginx"
        self.process = subprocess.Popen(
            [program, "-p", str(self.prefix), "-c", str(config), "-e", str(self.prefix / "error.log")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        env.wait_until("nginx to listen", self._listening)

    _SHOWN = {"Client-Cert": "http_x_client_cert", "Verify": "http_x_client_cert_verify", "Uri": "request_uri"}

    def _listening(self) -> bool:
        assert self.process.poll() is None, (self.prefix / "error.log").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=env.patience(10))
