"""``GET /metrics``: what the gateway counted, for Prometheus."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from gateway.counting.counts import CONTENT_TYPE
from gateway.front import front_of


async def metrics(request: Request) -> Response:
    """The counts."""
    return Response(front_of(request).counts.text(), headers={"Content-Type": CONTENT_TYPE})
