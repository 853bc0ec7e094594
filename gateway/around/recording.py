"""Counts each request, and gives it a name of its own."""

from __future__ import annotations

import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.counting.counts import Counts

_NOT_SENT = 499
"""The status of a request whose client left before it was answered, as nginx counts it."""


class Recording:
    """Counts requests by route and status.

    Args:
        app: gets the requests.
        counts: are told.
        routes: the paths that are counted by themselves.
    """

    def __init__(self, app: ASGIApp, counts: Counts, routes: frozenset[str]) -> None:
        self._app, self._counts, self._routes = app, counts, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, and counts it at its end."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        scope.setdefault("state", {})["began"] = began
        status = _NOT_SENT
        name = (b"x-request-id", b"req_" + secrets.token_hex(12).encode())

        async def said(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", ()), name]}
            await send(message)

        self._counts.under_way += 1
        try:
            await self._app(scope, receive, said)
        finally:
            self._counts.under_way -= 1
            path = scope["path"]
            if path.startswith("/v1/models/"):
                path = "/v1/models"
            route = path if path in self._routes else "other"
            self._counts.request(route, status, time.perf_counter() - began)
