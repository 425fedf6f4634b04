"""HTTP/1.1 as bytes: a reader of responses and requests that shows exactly what was on the wire. Not lenient: what does not
parse is an assertion failure."""

from __future__ import annotations

import re
import socket
import ssl
import struct
from dataclasses import dataclass, field
from typing import Optional, Union

Socket = Union[socket.socket, ssl.SSLSocket]
Fields = list[tuple[str, str]]


class Closed(Exception):
    """The peer closed (or reset) before the message was complete."""


def get(fields: Fields, name: str) -> Optional[str]:
    """The one field of that name, or None; two are a failure."""
    values = [value for key, value in fields if key.lower() == name.lower()]
    assert len(values) <= 1, f"{name} stands {len(values)} times: {values}"
    return values[0] if values else None


class Reader:
    """Buffered reading from a socket."""

    def __init__(self, sock: Socket) -> None:
        self.sock = sock
        self.buffer = bytearray()

    def fill(self) -> None:
        try:
            data = self.sock.recv(65536)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLError) as error:
            raise Closed(str(error)) from error
        if not data:
            raise Closed("end of stream")
        self.buffer += data

    def until(self, mark: bytes) -> bytes:
        while mark not in self.buffer:
            self.fill()
        return self._take(self.buffer.index(mark), len(mark))

    def exactly(self, count: int) -> bytes:
        while len(self.buffer) < count:
            self.fill()
        return self._take(count)

    def _take(self, count: int, drop: int = 0) -> bytes:
        found = bytes(memoryview(self.buffer)[:count])
        del self.buffer[: count + drop]
        return found

    def rest(self) -> bytes:
        """Everything up to the end of the stream."""
        try:
            while True:
                self.fill()
        except Closed:
            return self._take(len(self.buffer))

    def head(self) -> tuple[str, Fields, bytes]:
        raw = self.until(b"\r\n\r\n")
        first, *lines = raw.decode("latin-1").split("\r\n")
        fields = []
        for line in lines:
            name, colon, value = line.partition(":")
            assert colon and re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name), f"bad field line {line!r}"
            fields.append((name, value.strip(" \t")))
        return first, fields, raw + b"\r\n\r\n"

    def chunked(self) -> tuple[bytes, Fields, int]:
        body, count = b"", 0
        while True:
            size = self.until(b"\r\n")
            assert re.fullmatch(rb"[0-9a-fA-F]+", size), f"bad chunk size {size!r}"
            if int(size, 16) == 0:
                break
            body += self.exactly(int(size, 16))
            assert self.exactly(2) == b"\r\n", "no CRLF after a chunk"
            count += 1
        trailers: Fields = []
        while line := self.until(b"\r\n").decode("latin-1"):
            name, _, value = line.partition(":")
            trailers.append((name, value.strip()))
        return body, trailers, count

    def body(self, fields: Fields) -> tuple[Optional[bytes], Fields]:
        """The framed body, or None where only the end of the stream would end it."""
        coding, length = get(fields, "transfer-encoding"), get(fields, "content-length")
        assert coding is None or length is None, "both Transfer-Encoding and Content-Length"
        if coding is not None:
            assert coding == "chunked", f"Transfer-Encoding: {coding}"
            body, trailers, _ = self.chunked()
            return body, trailers
        if length is not None:
            return self.exactly(int(length)), []
        return None, []


@dataclass
class Response:
    status: int
    reason: str
    fields: Fields
    body: bytes
    trailers: Fields = field(default_factory=list)
    interim: list[int] = field(default_factory=list)
    version: str = "HTTP/1.1"
    until_close: bool = False
    raw_head: bytes = b""

    def get(self, name: str) -> Optional[str]:
        return get(self.fields, name)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


def read_response(reader: Reader, method: str = "GET") -> Response:
    interim: list[int] = []
    while True:
        line, fields, raw = reader.head()
        match = re.fullmatch(r"(HTTP/1\.[01]) (\d{3}) ?(.*)", line)
        assert match, f"bad status line {line!r}"
        status = int(match[2])
        if status >= 200 or status == 101:
            break
        interim.append(status)
    response = Response(status, match[3], fields, b"", [], interim, match[1], False, raw)
    if method != "HEAD" and status not in (204, 304):
        body, response.trailers = reader.body(fields)
        if body is None:
            body, response.until_close = reader.rest(), True
        response.body = body
    return response


class Wire:
    """A client connection, plain or TLS, on which any bytes can be sent."""

    def __init__(self, sock: Socket) -> None:
        self.sock = sock
        self.reader = Reader(sock)

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes | str) -> None:
        self.sock.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def try_send(self, data: bytes) -> bool:
        """As send; False where the peer is gone already."""
        try:
            self.sock.sendall(data)
            return True
        except (OSError, ssl.SSLError):
            return False

    def read(self, method: str = "GET") -> Response:
        return read_response(self.reader, method)

    def request(
        self,
        target: str = "/",
        host: str = "localhost",
        method: str = "GET",
        fields: Fields | None = None,
        body: bytes = b"",
    ) -> Response:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in fields or [])]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)
        return self.read(method)

    def ends(self) -> bool:
        """Whether the peer closes now, having sent nothing more (the socket's timeout bounds the wait)."""
        try:
            return self.reader.rest() == b""
        except (socket.timeout, TimeoutError):
            return False

    def reset(self) -> None:
        """Vanishes: the peer gets an RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        self.sock.close()
