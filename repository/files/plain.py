"""Paths and names that reach a program as they are.

The Python backend starts each stub by ``bash -c`` and writes the model's path and names into that
line without quotes (``StubLauncher::Launch`` of python_backend). A path with a space, a quote or a
``$`` in it becomes other words: the stub never starts, and Triton waits for it. And the stub's
interpreter is isolated: whatever the locale, it finds files by ASCII names alone.
"""

from __future__ import annotations

import re
from pathlib import Path

_SPECIAL = frozenset(" \t\n|&;()<>\\'\"$`*?[{")
"""What ends, quotes or expands a word wherever it stands (bash(1), DEFINITIONS and EXPANSION)."""
_EXPANDED = re.compile(r"^#|(?:^|[=:])~")
"""A comment, and a home folder: each only in its place."""


def unsafe_characters(path: Path | str) -> str:
    """The characters for which bash would take an unquoted word for something else.

    Letters outside ASCII and control characters are not among them: bash hands their bytes on.

    Args:
        path: a path or a name. It is taken as it stands: nothing is resolved or looked up.

    Returns:
        those characters in the order of their first occurrence, each once; empty if the text is
        safe.
    """
    text = str(path)
    expanded = {match.end() - 1 for match in _EXPANDED.finditer(text)}
    unsafe = (
        character
        for place, character in enumerate(text)
        if character in _SPECIAL or place in expanded
    )
    return "".join(dict.fromkeys(unsafe))


def is_plain(text: Path | str) -> bool:
    """Whether this is ASCII, and means itself to a shell."""
    return str(text).isascii() and str(text) != "" and not unsafe_characters(text)


def plain_path(path: Path, folder: Path) -> Path:
    """A path that leads to another, and is plain if the folder's is.

    Args:
        path: an absolute path.
        folder: where a link may be made.

    Returns:
        the path itself if it is plain; else a link of that folder.

    Raises:
        OSError: the link cannot be made.
    """
    if is_plain(path):
        return path
    link = folder / "repository"
    link.symlink_to(path)
    return link
