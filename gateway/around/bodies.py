"""Bounds on bodies: how large they are, and how long they take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import ApiError, overloaded
from gateway.settings import MEBIBYTE, Limits

_LINGER_SECONDS = 1.0
_CLOSE = (b"connection", b"close")


class Bodies:
    """Refuses bodies that are too large or too slow, as they are read.

    A connection is closed whose body is not read to its end.

    Args:
        app: gets the requests.
        limits: the bounds.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app, self._limits = app, limits
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(scope, receive, self._limits, self._hold)

        async def said(message: Message) -> None:
            if message["type"] == "http.response.start" and not body.is_complete:
                await body.drain()
                if not body.is_complete:
                    message = {**message, "headers": [*message.get("headers", ()), _CLOSE]}
            await send(message)

        try:
            await self._app(scope, body.receive, said)
        finally:
            self._held -= body.size

    def _hold(self, size: int) -> None:
        """Counts a part of a body among all that are there; raises if they are too many."""
        self._held += size
        if self._held > self._limits.all_body_bytes:
            raise overloaded("the bodies of all requests are too large together; ask again")


class _Body:
    def __init__(
        self, scope: Scope, receive: Receive, limits: Limits, hold: Callable[[int], None]
    ) -> None:
        self._receive, self._limits, self._hold = receive, limits, hold
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        self._length = int(length) if length.isdigit() else 0
        self._encoding = headers.get(b"content-encoding", b"identity").strip().lower()
        self._waits = headers.get(b"expect", b"").lower() == b"100-continue"
        self.size = 0
        self._began: float | None = None
        self._is_late = False
        self.is_complete = length in (b"", b"0") and b"transfer-encoding" not in headers

    async def receive(self) -> Message:
        """The next part of it.

        Raises:
            ApiError: it is too large, or too slow.
        """
        now = asyncio.get_running_loop().time
        if self.is_complete:
            return await self._receive()
        if self._began is None:
            self._check()
            self._began = now()
        limits = self._limits
        until = self._began + limits.body_seconds + self.size / limits.body_rate
        try:
            async with asyncio.timeout_at(until):
                message = await self._receive()
        except TimeoutError:
            self._is_late = True
            told = "the body did not come in time"
            raise ApiError(408, told, code="timeout") from None
        part = len(message.get("body", b""))
        self.size += part
        self.is_complete = not message.get("more_body")
        self._hold(part)
        if self.size > limits.body_bytes:
            raise self._too_large()
        return message

    async def drain(self) -> None:
        """Reads on for a moment: who is answered amid sending may not read the answer.

        Not of a client that is slow, and one that waits to be asked for its body is not asked.
        """
        if self._is_late or (self._waits and self._began is None):
            return
        most = self._limits.body_bytes
        try:
            async with asyncio.timeout(_LINGER_SECONDS):
                while not self.is_complete and most > 0:
                    message = await self._receive()
                    most -= len(message.get("body", b""))
                    self.is_complete = not message.get("more_body")
        except TimeoutError:
            pass

    def _too_large(self) -> ApiError:
        most = self._limits.body_bytes / MEBIBYTE
        told = f"the body has more than {most:g} MiB, the most that is taken"
        return ApiError(413, told, code="request_too_large")

    def _check(self) -> None:
        if self._length > self._limits.body_bytes:
            raise self._too_large()
        if self._encoding not in (b"identity", b""):
            told = "the body has to be sent as it is, without a Content-Encoding"
            raise ApiError(415, told, code="unsupported_media_type")
