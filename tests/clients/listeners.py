"""Listeners on this machine that do not answer as a server should."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

Behaviour = Callable[[socket.socket], None]

SETTINGS = b"\0\0\0\4\0\0\0\0\0"
"""An empty SETTINGS frame: with it a server of HTTP/2 has accepted the connection."""


class Listener:
    """A port where each connection is treated as the behaviour says.

    Attributes:
        address: ``127.0.0.1:PORT``.
        seen: what each connection sent, as far as it was read, in order.
    """

    def __init__(self, behave: Callable[[Listener, socket.socket], None], port: int = 0) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self._socket.listen()
        self.port: int = self._socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.seen: list[bytes] = []
        self._behave = behave
        self._open: list[socket.socket] = []
        self._ended = False
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            if self._ended:
                connection.close()
                return
            self._open.append(connection)
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            self._behave(self, connection)

    def close(self) -> None:
        self._ended = True
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            pass
        self._thread.join()
        for each in (*self._open, self._socket):
            each.close()


@contextlib.contextmanager
def listening(
    behave: Callable[[Listener, socket.socket], None], port: int = 0
) -> Iterator[Listener]:
    listener = Listener(behave, port)
    try:
        yield listener
    finally:
        listener.close()


def reset(connection: socket.socket) -> None:
    """Closes it with a RST, as the kernel does for a process that was killed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def resets(listener: Listener, connection: socket.socket) -> None:
    listener.seen.append(b"")
    reset(connection)


def closes(listener: Listener, connection: socket.socket) -> None:
    listener.seen.append(connection.recv(65_536))
    connection.close()


def accepts_then_cuts(listener: Listener, connection: socket.socket) -> None:
    """Reads a request as a server of gRPC would, and ends the connection before an answer."""
    connection.sendall(SETTINGS)
    found = b""
    while b"GRPCInferenceService/Model" not in found and len(found) < 65_536:
        found += connection.recv(65_536)
    listener.seen.append(found)
    reset(connection)


def says(text: bytes) -> Callable[[Listener, socket.socket], None]:
    def behave(listener: Listener, connection: socket.socket) -> None:
        listener.seen.append(connection.recv(65_536))
        connection.sendall(text)
        connection.close()

    return behave


def is_silent(listener: Listener, connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass
