"""Reading a stranger's files: whatever they are, there is an answer, and it comes soon."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

from google.protobuf.message import DecodeError

from repository.errors import RepositoryError
from repository.files.bounded_file import reason

POINTER = "a Git LFS pointer in the file's place"
"""What :func:`is_pointer` finds, in words."""

_POINTER = b"version https://git-lfs.github.com/spec/"

UNREADABLE = (RepositoryError, OSError, ValueError, RecursionError, MemoryError, DecodeError)
"""What reading files can raise that hold, or are, something else than they should."""


def content(path: Path, size: int = -1) -> bytes:
    """The first bytes of a file. A pipe or a device, which might never end, is refused.

    Args:
        path: the file, or a link to it.
        size: how many bytes at most; -1 for all.

    Raises:
        OSError: it is not there, is not a regular file, or cannot be read.
    """
    require_file(path)
    with path.open("rb") as file:
        return file.read(size)


def require_file(path: Path) -> None:
    """See that a path is a regular file, or a link to one.

    Raises:
        OSError: it is not there, or something else.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "a folder", str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "a pipe, a socket or a device", str(path))


def is_file(path: Path) -> bool:
    """Whether a path is a regular file, whatever its name is."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_pointer(path: Path) -> bool:
    """Whether a file is what Git leaves in a large file's place where Git LFS is not installed."""
    return is_file(path) and content(path, len(_POINTER)) == _POINTER


def exists(path: Path) -> bool:
    """Whether there is something at a path, whatever its name is."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def names(folder: Path) -> list[str]:
    """The names in a folder; none if it cannot be read."""
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:
        return []


def said(error: Exception) -> str:
    """What is wrong with a file, in words, for one of :data:`UNREADABLE` or a SyntaxError."""
    if isinstance(error, OSError):
        return reason(error)
    if isinstance(error, RecursionError | MemoryError):
        return "what is nested too deeply or too large"
    if isinstance(error, UnicodeDecodeError):
        return f"bytes that are no {error.encoding}"
    if isinstance(error, DecodeError):
        return "another format"
    return (error.msg if isinstance(error, SyntaxError) else str(error)) or "what is none"
