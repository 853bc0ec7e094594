"""What an answer that is no stream of events means for the client, and for another attempt."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from http.client import HTTPResponse

from builders.kit.invalid_argument import InvalidArgument

from .chunks import AGAIN
from .faults import WHO, RemoteFault
from .spoken import sentence_of_body
from .wire import pieces

READ = 1 << 16
"""Bytes of the body of an error that are read."""

CLIENTS_FAULT = (400, 413, 422)
"""Statuses by which a server says that the request cannot be answered."""

SECRET = (401, 403, 407)
"""Statuses whose bodies may repeat the key, and are read by nobody."""

STREAM = "text/event-stream"


def check(response: HTTPResponse) -> None:
    """Lets a stream of events pass.

    Raises:
        InvalidArgument: the server refused the request.
        RemoteFault: it answered with something else.
    """
    status = response.status
    if status == 200:
        kind = response.headers.get_content_type()
        if kind != STREAM or response.getheader("Content-Encoding", "identity") != "identity":
            raise RemoteFault("answered with something else than a stream of events", kind[:100])
        return
    if 300 <= status < 400:
        raise _mistaken(status, "a redirect, which is not followed")
    if status in SECRET:
        raise _mistaken(status, "the key, or what it may do, is not accepted")
    text = sentence_of_body(_start_of(response))
    if status in CLIENTS_FAULT:
        reason = f": {text}" if text else f" (status {status})"
        raise InvalidArgument(f"{WHO} refused the request{reason}")
    if status in AGAIN:
        after = _seconds(response.getheader("Retry-After"))
        detail = f"status {status} {text}"
        raise RemoteFault("is overloaded; try again later", detail, again=True, after=after)
    raise _mistaken(status, text)


def _mistaken(status: int, detail: str) -> RemoteFault:
    return RemoteFault(f"did not take the request (status {status})", detail)


def _start_of(response: HTTPResponse) -> bytes:
    found = b""
    try:
        for piece in pieces(response):
            found += piece
            if len(found) >= READ:
                break
    except RemoteFault:
        return b""
    return found[:READ]


def _seconds(told: str | None) -> float:
    """What ``Retry-After`` says: seconds, or a date; 0 if it is something else."""
    if told is None:
        return 0.0
    if told.isascii() and told.isdigit():
        return float(told[:9])
    try:
        return max(parsedate_to_datetime(told).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return 0.0
