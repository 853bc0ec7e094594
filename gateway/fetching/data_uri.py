"""Files in data URIs (RFC 2397), in base64."""

from __future__ import annotations

import base64
import binascii
import re

from gateway.errors import invalid

_HEAD = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[\w.+-]+=[^;,\s]*)*);base64,", re.ASCII | re.I)


def is_data(uri: str) -> bool:
    """Whether it is a data URI."""
    return uri[:5].lower() == "data:"


def image_of(uri: str, param: str) -> bytes:
    """The image in a data URI.

    Args:
        uri: as ``data:image/png;base64,iVBORw0…``.
        param: where it stands in the request.

    Raises:
        ApiError: it is not in base64, not an image, or empty.
    """
    # Not in the whole: it may have megabytes.
    head = _HEAD.match(uri[:1000])
    if head is None:
        told = "a data URI has to begin as data:image/png;base64,"
        raise invalid(f"{told} found '{uri[:30]}…'", param)
    kind = (head[1] or "text/plain").lower()
    if not kind.startswith("image/"):
        raise invalid(f"an image's data URI has to be of image/…, found {kind[:60]}", param)
    try:
        content = base64.b64decode(uri[head.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise invalid("the data URI's content is not base64", param) from None
    if not content:
        raise invalid("the data URI is empty", param)
    return content
