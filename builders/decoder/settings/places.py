"""Addresses of what lies on the machine that serves a decoder, not on the one that builds it."""

from __future__ import annotations

import unicodedata

from builders.kit.recipe.profile import refusal
from builders.kit.sources import SourceError, parse

_LONGEST = 4096
_PATH, _HUB = "path:", "hub:"


def absolute(uri: str) -> str:
    """A ``path:`` address, as it is.

    Raises:
        PydanticCustomError: it is another address, or its path is not a whole one in one line.
    """
    return _path(uri, f"{_PATH} and a path that begins with '/', on the machine that serves it")


def hub_or_absolute(uri: str) -> str:
    """A ``hub:`` address, or a ``path:`` as :func:`absolute` takes it, as it is.

    Raises:
        PydanticCustomError: it is neither.
    """
    if not uri.startswith(_HUB):
        return _path(
            uri,
            f"{_PATH} and a path that begins with '/', on the machine that serves it, or "
            f"{_HUB}org/name@commit",
        )
    try:
        parse(uri)
    except SourceError:
        raise refusal(
            f"{_HUB}org/name@commit, with all 40 digits of the commit",
            "Copy it from the model's 'Files and versions' page.",
            found=repr(uri),
        ) from None
    return uri


def _path(uri: str, expected: str) -> str:
    path = uri.removeprefix(_PATH)
    if path == uri or not path.startswith("/"):
        remedy = "Write such an address: it is read there, and not here."
        raise refusal(expected, remedy, found=repr(uri))
    if any(unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") for each in path):
        raise refusal("a path in one line, in UTF-8", "Rename the folder.", found=repr(uri))
    if path != path.strip():
        raise refusal("a path without a space at its end", "Rename the folder.", found=repr(uri))
    if len(path) > _LONGEST:
        expected, found = f"a path of at most {_LONGEST} characters", f"{len(path)}"
        raise refusal(expected, "Write a shorter one.", found=found)
    return uri
