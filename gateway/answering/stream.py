"""Answers that are sent as they are written."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence

from starlette.types import Receive, Scope, Send

from gateway.answering.events import DONE, Events, of_error
from gateway.answering.tokens import usage_of
from gateway.counting.counts import Counts
from gateway.errors import ApiError
from gateway.leaving import is_gone
from gateway.together import together
from gateway.triton.generation import Generate, Piece
from gateway.triton.server import Triton

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    # nginx keeps pieces back unless it is told not to.
    (b"x-accel-buffering", b"no"),
]


class Stream:
    """A response of server-sent events.

    Its head goes out with the first piece, so a request that is refused gets its status.

    Args:
        triton: the server.
        asked: a request for each choice.
        choices: those to each prompt.
        events: what they become.
        counts: are told of each piece.
        usage: counts of tokens come at the end.
    """

    def __init__(
        self,
        triton: Triton,
        asked: Sequence[Generate],
        choices: int,
        events: Events,
        counts: Counts,
        *,
        usage: bool,
    ) -> None:
        self._triton, self._asked, self._choices = triton, asked, choices
        self._events, self._counts, self._usage = events, counts, usage
        self._is_open = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the events.

        Raises:
            ApiError: the first of the answers failed before anything was sent.
        """
        began = scope["state"]["began"]
        with self._counts.streaming():
            try:
                pumps = [
                    self._pump(index, each, began, send) for index, each in enumerate(self._asked)
                ]
                ends = await together(pumps)
                self._counts.tokens(usage_of(ends, self._choices))
                end = DONE
                if self._usage:
                    end = self._events.usage(usage_of(ends, self._choices)) + DONE
                await self._send(send, end, more=False)
            except ApiError as problem:
                if not self._is_open:
                    raise
                await self._send(send, of_error(problem), more=False)
            except asyncio.CancelledError as cancelled:
                if self._is_open and not is_gone(cancelled):
                    ending = ApiError(503, "the gateway is ending; ask again")
                    with contextlib.suppress(Exception):
                        await self._send(send, of_error(ending), more=False)
                raise

    async def _pump(self, index: int, asked: Generate, began: float, send: Send) -> Piece:
        """Sends one answer; gives its last piece."""
        events, counts = self._events, self._counts
        async with self._triton.generating(asked, stream=True) as generation:
            piece = await generation.read()
            last = time.perf_counter()
            counts.first_token(last - began)
            body = events.first(index)
            while True:
                if piece.text:
                    body += events.text(index, piece.text)
                if piece.finish:
                    body += events.finish(index, piece.finish)
                if body:
                    await self._send(send, body)
                if piece.finish:
                    return piece
                body = b""
                piece = await generation.read()
                now = time.perf_counter()
                counts.token(now - last)
                last = now

    async def _send(self, send: Send, body: bytes, *, more: bool = True) -> None:
        if not self._is_open:
            self._is_open = True
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": body, "more_body": more})
