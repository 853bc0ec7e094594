"""``GET /health``: whether requests can be answered; ``GET /health/live``: whether this runs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.front import front_of


async def health(request: Request) -> Response:
    """200 if the server behind is ready, else 503."""
    is_ready = await front_of(request).triton.is_ready()
    return JSONResponse({"ready": is_ready}, 200 if is_ready else 503)


async def live(_: Request) -> Response:
    """200, whatever is behind."""
    return JSONResponse({"live": True})
