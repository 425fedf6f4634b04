"""What the servers of the tests have in common: a listener on port 0 and a thread a connection."""

from __future__ import annotations

import socket
import threading

from .http_wire import Closed, Wire


class ThreadedServer:
    """A subclass sets up what it needs first, then calls __init__, which begins to accept."""

    _ends_quietly: tuple[type[BaseException], ...] = (Closed, OSError)  # what ends a connection and is no fault of a test

    def __init__(self, address: str = "127.0.0.1", port: int = 0) -> None:
        self.address = address
        self.listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(1024)
        self.port: int = self.listener.getsockname()[1]
        self.connections = 0
        self.release = threading.Event()  # lets go of what is held back
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def open_connections(self) -> int:
        with self._lock:
            return len(self._open)

    def stop(self) -> None:
        self._stopped.set()
        self.release.set()
        _shut(self.listener)
        self.listener.close()

    def cut(self) -> None:
        """Ends every connection at once."""
        with self._lock:
            sockets = tuple(self._open)
        for sock in sockets:
            _shut(sock)

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(sock)
                number = self.connections
            threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire = Wire(sock)
        try:
            while self._one(wire, number):
                pass
        except self._ends_quietly:
            pass
        finally:
            wire.close()
            with self._lock:
                self._open.discard(sock)

    def _goes_on(self, delivery: str) -> bool:
        """False: the connection ends without an answer, at once (`close`) or once this stops (`hang`). `hold` waits for release."""
        if delivery == "hang":
            self._stopped.wait()
        elif delivery == "hold":
            self.release.wait()
        return delivery not in ("close", "hang")

    def _one(self, wire: Wire, number: int) -> bool:
        """Serves one request; False ends the connection. `number`: of the connection, from 1."""
        raise NotImplementedError


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
