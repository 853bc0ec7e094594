"""The connections of an S3 client, to a server that is not trusted.

The client reads lists and errors whole, follows redirections with its session's token, waits as
long as a server asks it to, and pages through a list for as long as the server says that there is
more. Here the size of an answer and the number of requests are bounded, no redirection is followed,
and no wait that a server asks for is kept.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import urllib3

from repository.transfer.answer import whole
from repository.transfer.errors import TransferError

_LIST = 16 << 20
"""Bytes of an answer that is read whole: a page of a list is a few hundred kB."""

PAGES = 10_000
"""Requests of one list: ten million objects."""

_ATTEMPTS = 3
_BUSY = (500, 502, 503, 504)
_GOOD = (200, 204, 206)


class S3Pool(urllib3.PoolManager):
    """As urllib3's, for what the client asks of it.

    Args:
        certificates: a file of authorities; the system's by default.
    """

    def __init__(self, certificates: str | None) -> None:
        super().__init__(
            timeout=urllib3.Timeout(10, read=60),
            retries=urllib3.Retry(
                _ATTEMPTS,
                redirect=0,
                backoff_factor=0.2,
                status_forcelist=_BUSY,
                respect_retry_after_header=False,
            ),
            ca_certs=certificates,
        )
        self._left: int | None = None

    @contextlib.contextmanager
    def question(self, place: str) -> Iterator[None]:
        """Bounds the requests that are made within the block.

        Raises:
            TransferError: there are more than :data:`PAGES`.
        """
        self._left, self._place = PAGES, place
        try:
            yield
        finally:
            self._left = None

    def urlopen(  # type: ignore[override]
        self, method: str, url: str, redirect: bool = True, **options: Any
    ) -> urllib3.BaseHTTPResponse:
        """One request; an answer that the client reads whole has been read, and is bounded.

        Raises:
            TransferError: an answer, or a list of them, has no end.
            HTTPError: as urllib3's.
        """
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise TransferError(
                    f"{self._place}: expected a list that ends, found more than {PAGES:,} pages. "
                    "Look into the server's log, or name a prefix that holds less."
                )
        read_whole = options.pop("preload_content", True)
        answer = super().urlopen(method, url, redirect=False, preload_content=False, **options)
        if not read_whole and answer.status in _GOOD:
            return answer
        content = whole(answer, url.partition("?")[0], _LIST)
        return urllib3.HTTPResponse(
            body=BytesIO(content),
            headers=answer.headers,
            status=answer.status,
            reason=answer.reason,
            decode_content=False,
            preload_content=read_whole,
            request_method=method,
            request_url=url,
        )
