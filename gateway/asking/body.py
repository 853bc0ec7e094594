"""The JSON object in a request's body."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from gateway.errors import ApiError, invalid
from repository.files.bounded_file import Unreadable
from repository.files.json_file import parse_object


async def json_object(request: Request) -> dict[str, Any]:
    """The object, read within bounds of depth and size.

    Raises:
        ApiError: the body is of another type, or is no JSON object.
    """
    kind, _, further = request.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != "application/json" or not _is_utf8(further):
        found = f"'{kind.strip()[:60]}'" if kind else "none"
        told = f"the header Content-Type has to be application/json, found {found}"
        raise ApiError(415, told, code="unsupported_media_type")
    try:
        return parse_object(await request.body(), "the body")
    except Unreadable as problem:
        raise invalid(str(problem), code="invalid_json") from None


def _is_utf8(further: str) -> bool:
    """Whether a content type names no other charset."""
    for each in further.split(";"):
        name, _, value = each.strip().partition("=")
        if name.lower() == "charset" and value.strip('"').lower() not in ("utf-8", "utf8"):
            return False
    return True
