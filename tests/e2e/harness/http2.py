"""An HTTP/2 client over TLS: python3-h2 for what is right, raw frames for what no client would send."""

from __future__ import annotations

import ssl
import struct
from dataclasses import dataclass, field
from typing import Iterable, Optional

import h2.config
import h2.connection
import h2.errors
import h2.events

from . import client
from .http_wire import Closed, Fields, Response
from .pki import Identity


def context(identity: Optional[Identity] = None, version: Optional[str] = None) -> ssl.SSLContext:
    made = client.tls_context(identity, version)
    made.set_alpn_protocols(["h2", "http/1.1"])
    return made


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


@dataclass
class _Stream:
    fields: Fields = field(default_factory=list)
    body: bytes = b""
    trailers: Fields = field(default_factory=list)
    ended: bool = False
    reset: Optional[int] = None


class Http2:
    """One connection. Not for threads."""

    def __init__(self, port: int, identity: Optional[Identity] = None, version: Optional[str] = None, sni: str = "localhost",
                 tls: Optional[ssl.SSLContext] = None, session: Optional[ssl.SSLSession] = None) -> None:
        self.wire = client.tls(port, sni=sni, context=tls or context(identity, version), session=session)
        self.sock: ssl.SSLSocket = self.wire.sock  # type: ignore[assignment]
        assert self.sock.selected_alpn_protocol() == "h2", self.sock.selected_alpn_protocol()
        config = h2.config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False,
                                           normalize_outbound_headers=False, validate_inbound_headers=False)
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.streams: dict[int, _Stream] = {}
        self.goaway: Optional[int] = None
        self.last_stream: Optional[int] = None
        self.closed = False
        self.unread = b""
        self.auto_window = True
        self.flush()

    def __enter__(self) -> "Http2":
        return self

    def __exit__(self, *_: object) -> None:
        self.wire.close()

    def flush(self) -> None:
        self.send(self.h2.data_to_send())

    def send(self, data: bytes) -> bool:
        try:
            self.sock.sendall(data)
            return True
        except OSError:
            return False

    def begin(self, target: str = "/", host: str = "localhost", method: str = "GET", fields: Iterable[tuple[str, str]] = (),
              body: Optional[bytes] = None, end: bool = True, pseudo: Optional[Fields] = None) -> int:
        stream = self.h2.get_next_available_stream_id()
        head = pseudo if pseudo is not None else [
            (":method", method), (":scheme", "https"), (":authority", host), (":path", target)]
        self.streams[stream] = _Stream()
        self.h2.send_headers(stream, [*head, *fields], end_stream=end and body is None)
        self.flush()
        if body is not None:
            self.write(stream, body, end)
        return stream

    def write(self, stream: int, data: bytes, end: bool = False) -> None:
        while data or end:
            while (room := min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)) == 0 and data:
                self.receive()
            piece, data = data[:room], data[room:]
            self.h2.send_data(stream, piece, end_stream=end and not data)
            self.flush()
            if not data:
                return

    def trailers(self, stream: int, fields: Fields) -> None:
        self.h2.send_headers(stream, fields, end_stream=True)
        self.flush()

    def receive(self) -> None:
        try:
            data = self.sock.recv(65536)
        except (ConnectionError, ssl.SSLError):
            data = b""
        if not data:
            self.closed = True
            raise Closed("end of the connection")
        self.unread += data
        while len(self.unread) >= 9 and len(self.unread) >= (size := 9 + int.from_bytes(self.unread[:3], "big")):
            one, self.unread = self.unread[:size], self.unread[size:]
            for event in self.h2.receive_data(one):
                self._on(event)
            if one[3] == 7:
                # python3-h2 takes nothing behind a GOAWAY, which is not what RFC 9113 §6.8 says.
                self.h2.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN
        self.flush()

    def _on(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaway, self.last_stream = int(event.error_code), event.last_stream_id
            return
        stream = self.streams.get(getattr(event, "stream_id", 0) or 0)
        if stream is None:
            return
        if isinstance(event, h2.events.ResponseReceived):
            stream.fields = list(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            stream.body += event.data
            if self.auto_window and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            stream.trailers = list(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            stream.ended = True
        elif isinstance(event, h2.events.StreamReset):
            stream.reset = int(event.error_code)

    def wait(self, stream: int) -> Response:
        """The whole answer; Closed where the stream is reset or the connection ends before."""
        one = self.streams[stream]
        while not one.ended:
            if one.reset is not None:
                raise Closed(f"reset {one.reset}")
            self.receive()
        fields = [(name, value) for name, value in one.fields if not name.startswith(":")]
        status = int(dict(one.fields)[":status"])
        return Response(status=status, reason="", fields=fields, body=one.body, trailers=one.trailers)

    def request(self, target: str = "/", host: str = "localhost", **how: object) -> Response:
        return self.wait(self.begin(target, host, **how))  # type: ignore[arg-type]

    def ends(self) -> bool:
        """Reads until the server closes."""
        try:
            while True:
                self.receive()
        except Closed:
            return True

    def closes(self) -> bool:
        """The same, without looking at what still comes: raw frames may have made the server say what h2 does not expect."""
        try:
            while self.sock.recv(65536):
                pass
        except (ConnectionError, ssl.SSLError):
            pass
        return True
