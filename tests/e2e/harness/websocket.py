"""WebSockets: a backend and a client of python3-websockets, and the handshake as bytes for what they would never send."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import ssl
import threading
from http import HTTPStatus
from typing import Any, Awaitable, Callable, Optional, TypeVar
from urllib.parse import parse_qs, urlsplit

import websockets
from websockets.exceptions import ConnectionClosed
from websockets.legacy.client import WebSocketClientProtocol
from websockets.legacy.server import WebSocketServerProtocol

from . import env
from .client import tls_context
from .http_wire import Wire
from .pki import Identity

T = TypeVar("T")
logging.getLogger("websockets").setLevel(logging.CRITICAL)  # clients that vanish are what some tests are about

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 §1.3
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def ask(target: str = "/echo", host: str = "localhost", more: str = "", key: str = KEY) -> str:
    """An opening handshake as bytes."""
    return (
        f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
    )


def agreement(accept: str = ACCEPT) -> bytes:
    """A backend's 101 as bytes."""
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
    ).encode()


def text_frame(text: bytes) -> bytes:
    """A client's text frame of at most 125 bytes (RFC 6455 §5.2), masked."""
    mask = os.urandom(4)
    return bytes([0x81, 0x80 | len(text)]) + mask + bytes(c ^ mask[i % 4] for i, c in enumerate(text))


def opened(wire: Wire, target: str = "/echo") -> Wire:
    """The same connection as a tunnel."""
    wire.send(ask(target))
    line, fields, _ = wire.reader.head()
    assert line.startswith("HTTP/1.1 101 "), line
    assert ("Sec-WebSocket-Accept", ACCEPT) in fields, fields
    return wire


def echoes(wire: Wire, text: bytes) -> bool:
    """Whether a tunnel to /echo is alive."""
    wire.send(text_frame(text))
    return wire.reader.exactly(2 + len(text)) == bytes([0x81, len(text)]) + text


class WebSocketBackend:
    """What a connection's path says: /echo, /seen (the request's fields as JSON), /silent (reads nothing), /push?n=…&size=…,
    /close?code=…, /die (ends without a word), /refuse (403)."""

    def __init__(self) -> None:
        self.paths: list[str] = []  # of every handshake that arrived
        self._connections: set[WebSocketServerProtocol] = set()
        self.received = 0  # bytes of messages
        self.pushed = 0  # messages handed to the connection by /push
        self.codes: list[Optional[int]] = []  # close codes of ended connections, in order
        self.port = 0
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        threading.Thread(target=self._run, args=(ready,), daemon=True).start()
        assert ready.wait(env.patience(10))

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(env.patience(10))
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _end(self) -> None:
        for connection in list(self._connections):
            connection.transport.abort()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)

        async def serve() -> None:
            server = await websockets.serve(  # type: ignore[attr-defined]
                self._handle,
                "127.0.0.1",
                0,
                process_request=self._process,
                max_size=None,
                ping_interval=None,
                close_timeout=2,
            )
            self.port = server.sockets[0].getsockname()[1]
            ready.set()

        self._loop.run_until_complete(serve())
        self._loop.run_forever()

    async def _process(self, path: str, fields: Any) -> Any:
        self.paths.append(path)
        if path.startswith("/refuse"):
            return HTTPStatus.FORBIDDEN, [("X-Why", "no")], b"not you\n"
        return None

    async def _handle(self, connection: WebSocketServerProtocol) -> None:
        self._connections.add(connection)
        try:
            await self._behave(connection)
        except ConnectionClosed:
            pass
        finally:
            self._connections.discard(connection)
            self.codes.append(connection.close_code)

    async def _behave(self, connection: WebSocketServerProtocol) -> None:
        path, query = urlsplit(connection.path).path, parse_qs(urlsplit(connection.path).query)
        if path.startswith("/seen"):
            await connection.send(json.dumps(list(connection.request_headers.raw_items())))
        elif path.startswith("/close"):
            await connection.close(int(query["code"][0]), "because")
            return
        elif path.startswith("/die"):
            connection.transport.abort()
            return
        elif path.startswith("/push"):
            message = os.urandom(int(query["size"][0]))
            for _ in range(int(query["n"][0])):
                await connection.send(message)
                self.pushed += 1
        elif path.startswith("/silent"):
            connection.transport.pause_reading()  # type: ignore[attr-defined]
            await connection.wait_closed()
        async for message in connection:
            self.received += len(message)
            if path.startswith("/echo"):
                await connection.send(message)


def client(
    port: int,
    path: str,
    talk: Callable[[WebSocketClientProtocol], Awaitable[T]],
    identity: Optional[Identity] = None,
    version: Optional[str] = None,
    secure: bool = True,
    **how: Any,
) -> T:
    """Runs `talk` over a connection of python3-websockets; what that raises goes through."""
    context: Optional[ssl.SSLContext] = tls_context(identity, version) if secure else None

    async def run() -> T:
        uri = f"{'wss' if secure else 'ws'}://127.0.0.1:{port}{path}"
        if secure:
            how.setdefault("server_hostname", "localhost")
        how.setdefault("open_timeout", env.patience(10))
        how.setdefault("max_size", None)
        async with websockets.connect(uri, ssl=context, ping_interval=None, **how) as connection:  # type: ignore[attr-defined]
            return await asyncio.wait_for(talk(connection), env.patience(30))

    return asyncio.run(run())


