"""A server with OpenAI's API that does what a test tells it, down to single bytes."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.waiting import SECONDS

Behaviour = Callable[["Exchange"], None]
"""What the server does with one request."""


@dataclass
class Exchange:
    """A request, and the connection on which it is answered."""

    connection: socket.socket
    path: str
    headers: dict[str, str]
    body: bytes
    number: int
    sent: int = 0
    closed: threading.Event = field(default_factory=threading.Event)
    held: bytearray | None = None

    @property
    def asked(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    def send(self, data: bytes) -> None:
        """Raises an OSError once the other side has closed."""
        if self.held is not None:
            self.held += data
            return
        self.connection.sendall(data)
        self.sent += len(data)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What is sent meanwhile goes out in one piece."""
        self.held = bytearray()
        yield
        held, self.held = self.held, None
        self.send(bytes(held))

    def head(self, status: str = "200 OK", **headers: str) -> None:
        fields = {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items())]
        self.send("\r\n".join([*lines, "", ""]).encode())

    def body_of(self, status: str, body: bytes, **headers: str) -> None:
        """An answer that is no stream."""
        fields = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items())]
        self.send("\r\n".join([*lines, "", ""]).encode() + body)

    def chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def data(self, found: object) -> None:
        text = found if isinstance(found, str) else json.dumps(found)
        self.chunk(f"data: {text}\n\n".encode())

    def text(self, text: str, finish: str | None = None, usage: object = None) -> None:
        chat = self.path.endswith("/chat/completions")
        choice: dict[str, Any] = {"index": 0, "finish_reason": finish}
        choice |= {"delta": {"content": text}} if chat else {"text": text}
        self.data({"choices": [choice]} | ({} if usage is None else {"usage": usage}))

    def usage(self, prompt: int, generated: int, cached: int | None = None) -> None:
        found: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": generated}
        if cached is not None:
            found["prompt_tokens_details"] = {"cached_tokens": cached}
        self.data({"choices": [], "usage": found})

    def done(self) -> None:
        self.data("[DONE]")
        self.chunk(b"")

    def wait_closed(self) -> None:
        """Until the other side has closed the connection."""
        self.connection.settimeout(SECONDS)
        with contextlib.suppress(ConnectionError):
            assert self.connection.recv(1) == b"", "more was sent than a request"
        self.closed.set()


def says(*texts: str, finish: str = "stop") -> Behaviour:
    """A right answer: a text an event, and counts."""

    def behave(exchange: Exchange) -> None:
        exchange.head()
        for text in texts:
            exchange.text(text)
        exchange.text("", finish)
        exchange.usage(7, len(texts), cached=3)
        exchange.done()

    return behave


def echoes(exchange: Exchange) -> None:
    """A right answer: what was asked."""
    says(exchange.asked["prompt"])(exchange)


class Stub:
    """The server. ``behave`` may be changed at any time.

    Args:
        port: 0 chooses one.
        tls: with which certificate it is https.
    """

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.behave: Behaviour = echoes
        self.exchanges: list[Exchange] = []
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._tls = tls
        self._listening = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/v1"

    def last(self) -> Exchange:
        return self.exchanges[-1]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for each in tuple(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            self._open.add(connection)
            with connection:
                for exchange in _requests(connection):
                    self.exchanges.append(exchange)
                    try:
                        self.behave(exchange)
                    except OSError:
                        exchange.closed.set()
                        raise
        self._open.discard(connection)


def _requests(connection: socket.socket) -> Iterator[Exchange]:
    with connection.makefile("rb") as file:
        number = 0
        while line := file.readline():
            path = line.split()[1].decode()
            headers = {}
            while (each := file.readline().strip()) != b"":
                name, _, value = each.decode().partition(": ")
                headers[name.lower()] = value
            body = file.read(int(headers["content-length"]))
            yield Exchange(connection, path, headers, body, number)
            number += 1


@contextlib.contextmanager
def stub(**options: Any) -> Iterator[Stub]:
    server = Stub(**options)
    try:
        yield server
    finally:
        server.close()
