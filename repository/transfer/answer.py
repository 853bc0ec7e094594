"""Reads what a server answers, within bounds of size and time.

A server may send without end, or a byte a minute; a little compressed data may unpack to very much.
Bodies are read as they come, undecoded, in chunks that are handed on at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import urllib3

from repository.transfer.contents import CHUNK
from repository.transfer.errors import TransferError

SMALL = 4 << 20
"""Bytes of an answer that is read as a whole, as a list or a refusal."""

WINDOW = 120.0
"""Seconds in which :data:`PROGRESS` bytes have to arrive of a body that has not ended."""

PROGRESS = 64 << 10


def stream(answer: urllib3.BaseHTTPResponse, place: str) -> Iterator[bytes]:
    """A body as it comes; the connection is closed if it is not read to its end.

    Args:
        answer: one whose content was not read yet.
        place: whose it is, for sentences.

    Raises:
        TransferError: next to nothing arrives.
        HTTPError: the connection broke.
    """
    ended = False
    began, arrived = time.monotonic(), 0
    try:
        while chunk := answer.read1(CHUNK, decode_content=False):
            yield chunk
            arrived += len(chunk)
            now = time.monotonic()
            if arrived >= PROGRESS:
                began, arrived = now, 0
            elif now - began > WINDOW:
                raise TransferError(
                    f"{place}: expected an answer, found {arrived:,} bytes in "
                    f"{now - began:.0f} seconds. Look at the network and into the server's log; "
                    "then try again."
                )
        ended = True
    finally:
        if ended:
            answer.release_conn()
        else:
            answer.close()


def whole(answer: urllib3.BaseHTTPResponse, place: str, limit: int = SMALL) -> bytes:
    """A body that has to be small.

    Raises:
        TransferError: it is longer than the limit, or next to nothing arrives.
        HTTPError: the connection broke.
    """
    content = bytearray()
    for chunk in stream(answer, place):
        content += chunk
        if len(content) > limit:
            answer.close()
            raise TransferError(
                f"{place}: expected an answer of at most {limit:,} bytes, found a longer one. "
                "Look into the server's log, or check the address."
            )
    return bytes(content)
