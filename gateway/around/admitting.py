"""Who may ask, and how many at a time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.errors import ApiError, overloaded

OPEN = "/v1/"
"""How the paths begin that are guarded; health and metrics are for who runs the gateway."""


class Origins:
    """Refuses what pages of other origins send through a browser.

    Without an answer's header a browser shows the page nothing, but the model has worked.

    Args:
        app: gets the requests.
        origins: those that may ask; ``*`` is all.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app, self._origins = app, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on.

        Raises:
            ApiError: it is of another origin.
        """
        if scope["type"] == "http" and "*" not in self._origins:
            origin = Headers(scope=scope).get("origin")
            if origin is not None and origin not in self._origins:
                told = "pages of this origin may not ask here; the gateway has to name it"
                raise ApiError(403, told, code="origin_not_allowed")
        await self._app(scope, receive, send)


class Keys:
    """Asks for a key.

    Args:
        app: gets the requests.
        keys: of which one has to be sent; none: no key is asked for.
    """

    def __init__(self, app: ASGIApp, keys: Sequence[str]) -> None:
        self._app = app
        # Of one length, so that comparing says nothing of theirs.
        self._digests = [_digest(each) for each in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on.

        Raises:
            ApiError: it has no key, or a wrong one.
        """
        if self._digests and scope["type"] == "http" and scope["path"].startswith(OPEN):
            self._check(Headers(scope=scope).get("authorization", ""))
        await self._app(scope, receive, send)

    def _check(self, sent: str) -> None:
        scheme, _, key = sent.strip().partition(" ")
        digest = _digest(key.strip())
        # Each is compared, whichever fits.
        fits = [hmac.compare_digest(digest, each) for each in self._digests]
        if scheme.lower() == "bearer" and any(fits):
            return
        told = (
            "the API key is not one that is known here"
            if key
            else "an API key is asked for, in the header 'Authorization: Bearer KEY'"
        )
        challenge = {"WWW-Authenticate": "Bearer"}
        raise ApiError(401, told, code="invalid_api_key", headers=challenge)


class Admitting:
    """Bounds how many requests are under way.

    Args:
        app: gets the requests.
        most: at a time.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app, self._most, self._count = app, most, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on.

        Raises:
            ApiError: there are too many.
        """
        if scope["type"] != "http" or not scope["path"].startswith(OPEN):
            await self._app(scope, receive, send)
            return
        if self._count >= self._most:
            told = f"{self._most} requests are under way, the most that are taken; ask again"
            raise overloaded(told, 429)
        self._count += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._count -= 1


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
