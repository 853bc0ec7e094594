"""A TCP proxy on 127.0.0.1 that cuts connections and changes bytes on their way."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

CHUNK = 1 << 16
Fault = Callable[[bytes], bytes | None]
"""Gets what passes; gives what goes on instead, or None to cut the connection."""


class Proxy:
    """Passes connections on to a port of 127.0.0.1.

    Attributes:
        upwards: faults by a text in a request's first line; each is used once for that request's
            next chunk with more than a header in it.
        downwards: the same for the request's answer.
        before: called with the first line of every request.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.upwards: list[tuple[str, Fault]] = []
        self.downwards: list[tuple[str, Fault]] = []
        self.before: Callable[[str], None] = lambda _: None
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        line = [""]
        with client, socket.create_connection(("127.0.0.1", self._port)) as server:

            def answers() -> None:
                for chunk in self._chunks(server, self.downwards, line):
                    client.sendall(chunk)
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)

            back = threading.Thread(target=_quietly, args=(answers,), daemon=True)
            back.start()
            with contextlib.suppress(OSError):
                for chunk in self._chunks(client, self.upwards, line, requests=True):
                    server.sendall(chunk)
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            back.join(5)

    def _chunks(
        self,
        source: socket.socket,
        faults: list[tuple[str, Fault]],
        line: list[str],
        requests: bool = False,
    ) -> Iterator[bytes]:
        while chunk := source.recv(CHUNK):
            first = chunk.partition(b"\r\n")[0].decode(errors="replace")
            if requests and first.endswith("HTTP/1.1"):
                line[0] = first
                self.before(first)
            due = next((each for each in faults if each[0] in line[0] and len(chunk) > 4096), None)
            if due:
                faults.remove(due)
                changed = due[1](chunk)
                if changed is None:
                    return
                chunk = changed
            yield chunk


def _quietly(call: Callable[[], None]) -> None:
    with contextlib.suppress(OSError):
        call()


def cut(_: bytes) -> None:
    """The connection ends here."""


def flip(chunk: bytes) -> bytes:
    """The last byte is another."""
    return chunk[:-1] + bytes([chunk[-1] ^ 1])
