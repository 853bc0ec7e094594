"""Clients that leave: what they asked for is cancelled at once."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_GONE = "the client is gone"


def is_gone(cancelled: asyncio.CancelledError) -> bool:
    """Whether work was cancelled because its client left."""
    return _GONE in cancelled.args


class Leaving:
    """Cancels a request whose client disconnects before it has the whole answer.

    Args:
        app: gets the requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, and watches its client once the body is there."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        task = asyncio.current_task()
        assert task is not None
        watch: asyncio.Task[None] | None = None
        complete = False

        async def watched() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            if not complete:
                task.cancel(_GONE)

        async def heard() -> Message:
            nonlocal watch
            if watch is not None:
                await watch
                return {"type": "http.disconnect"}
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                watch = asyncio.create_task(watched())
            return message

        async def said(message: Message) -> None:
            nonlocal complete
            if message["type"] == "http.response.body" and not message.get("more_body"):
                complete = True
            await send(message)

        try:
            await self._app(scope, heard, said)
        except asyncio.CancelledError as cancelled:
            if not is_gone(cancelled):
                raise
            task.uncancel()
        finally:
            if watch is not None:
                watch.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watch
