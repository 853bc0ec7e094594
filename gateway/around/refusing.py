"""Errors as OpenAI's API tells them, whatever raised them."""

from __future__ import annotations

import http
import logging

from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import ApiError, invalid

log = logging.getLogger("gateway")


class Refusing:
    """Answers a request that failed.

    Args:
        app: gets the requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_open = False

        async def said(message: Message) -> None:
            nonlocal is_open
            is_open = True
            await send(message)

        try:
            await self._app(scope, receive, said)
        except ClientDisconnect:
            return
        except Exception as problem:
            if is_open:
                raise
            await answer(problem)(scope, receive, send)


def answer(problem: Exception) -> Response:
    """The response that tells of an error; one that nobody expected is logged."""
    error = _known(problem)
    if error is None:
        log.error("a request failed", exc_info=problem)
        error = ApiError(500, "the gateway failed; its log says why")
    return JSONResponse(error.body, error.status, error.headers)


async def of_route(_: Request, problem: Exception) -> Response:
    """As :func:`answer`, for Starlette."""
    return answer(problem)


def _known(problem: Exception) -> ApiError | None:
    if isinstance(problem, ApiError):
        return problem
    if isinstance(problem, MultiPartException):
        return invalid(f"the form cannot be read: {problem.message}", code="invalid_form")
    if not isinstance(problem, HTTPException):
        return None
    if problem.status_code == 404:
        told = "there is no such path; GET /v1/models, POST /v1/chat/completions … are there"
    elif problem.status_code == 405:
        allowed = (problem.headers or {}).get("Allow", "")
        told = f"this path has no such method, found others: {allowed}"
    else:
        told = problem.detail or http.HTTPStatus(problem.status_code).phrase
    return ApiError(problem.status_code, told, headers=problem.headers)
