"""Connections of HTTP with bounds on how long a client may take, and errors in OpenAI's shape."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.errors import ApiError, overloaded
from gateway.settings import Limits

_HEAD, _INFORMATION = b"HTTP/1.1 ", b"HTTP/1.1 1"

_REASONS = {400: b"Bad Request", 408: b"Request Timeout", 431: b"Request Header Fields Too Large"}
_REASONS |= {503: b"Service Unavailable"}


class Held:
    """A transport that sends the head of an answer together with the beginning of its body.

    Args:
        transport: the connection's.
        loop: where it is.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop, self._head = transport, loop, b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Sends, or holds a head until what follows it, at once."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(_HEAD) and not data.startswith(_INFORMATION):
            self._head = data
            self._loop.call_soon(self._flush)
            return
        self._transport.write(data)

    def close(self) -> None:
        """Sends what is held, and closes the connection."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head:
            self.write(b"")


class Connection(H11Protocol):
    """A client's connection.

    Uvicorn bounds neither how long a head takes nor how long an answer stays unread.
    """

    limits = Limits()

    def __init__(self, *arguments: Any, **further: Any) -> None:
        super().__init__(*arguments, **further)
        self._head: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for a head."""
        held: Any = Held(transport, self.loop)
        super().connection_made(held)
        if len(self.connections) > self.limits.connections:
            self._refuse(overloaded("too many connections are open; ask again"))
            return
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the timers."""
        self._end_waiting()
        if self._unread is not None:
            self._unread.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes what came."""
        if self.transport.is_closing():
            return
        try:
            super().data_received(data)
        except h11.LocalProtocolError:  # garbage behind a request that is being answered
            self.transport.abort()
            return
        if self.conn.their_state is h11.IDLE and self.timeout_keep_alive_task is None:
            self._wait_for_head()
        else:
            self._end_waiting()

    def send_400_response(self, msg: str) -> None:
        """Answers what is no request."""
        problem = sys.exception()
        status = getattr(problem, "error_status_hint", 400)
        told = (
            "the head of the request is too long"
            if status == 431
            else f"this is no HTTP: {problem}"
        )
        self._refuse(ApiError(status, told, code="invalid_http"))

    def pause_writing(self) -> None:
        """Begins to wait for the client to read."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(self.limits.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _wait_for_head(self) -> None:
        if self._head is None:
            self._head = self.loop.call_later(self.limits.head_seconds, self._late)

    def _end_waiting(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _late(self) -> None:
        self._head = None
        if not self.transport.is_closing():
            self._refuse(ApiError(408, "no request came in time", code="timeout"))

    def _refuse(self, problem: ApiError) -> None:
        """Answers, and closes the connection."""
        content = json.dumps(problem.body).encode()
        headers = [
            *((name.encode(), value.encode()) for name, value in problem.headers.items()),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
            (b"connection", b"close"),
        ]
        reason = _REASONS.get(problem.status, b"")
        head = h11.Response(status_code=problem.status, headers=headers, reason=reason)
        try:
            for event in (head, h11.Data(data=content), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        except h11.LocalProtocolError:  # an answer is under way
            self.transport.abort()
            return
        self.transport.close()
