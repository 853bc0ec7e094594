"""Paths that reach a program as they are.

Triton's Python backend (24.10) starts a model's stub by a shell command that it does not quote. A
space or a shell's sign in the path ends the stub before it runs, and Triton waits for it for ever.
And the stub's interpreter is isolated: whatever the locale, it finds files by ASCII names alone.
"""

from __future__ import annotations

import shlex
from pathlib import Path


def is_plain(text: Path | str) -> bool:
    """Whether this is ASCII, and means itself to a shell."""
    return shlex.quote(str(text)) == str(text)


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
