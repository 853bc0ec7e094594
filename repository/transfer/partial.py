"""A file that arrives in pieces, on from where an earlier attempt was cut off."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from repository.manifest import File
from repository.transfer.contents import CHUNK

Read = Callable[[int], Iterator[bytes]]
"""Gives a file's bytes from an offset on."""


def fill(partial: Path, size: int, read: Read) -> str:
    """Append what is missing of a file, and never a byte beyond its size.

    Args:
        partial: what is there of it; made if it is not there. A link is not followed.
        size: the file's bytes.
        read: gives the rest.

    Returns:
        The SHA-256 of what came; another than the file's if more came than it has.

    Raises:
        OSError: it cannot be written, as on a full disk.
    """
    digest = hashlib.sha256()
    done = 0
    with _opened(partial) as out:
        while chunk := out.read(CHUNK):
            digest.update(chunk)
            done += len(chunk)
        if done < size:
            chunks = read(done)
            try:
                for chunk in chunks:
                    out.write(chunk[: size - done])
                    digest.update(chunk)
                    done += len(chunk)
                    if done > size:
                        break
            finally:
                _close(chunks)
    return digest.hexdigest()


def is_right(path: Path, file: File) -> bool:
    """Whether a regular file is at a path, with these bytes."""
    try:
        facts = path.stat(follow_symlinks=False)
        return stat.S_ISREG(facts.st_mode) and facts.st_size == file.bytes and File.at(path) == file
    except OSError:
        return False


def _opened(partial: Path) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(partial, flags, 0o644), "r+b")


def _close(chunks: Iterator[bytes]) -> None:
    """End what a generator holds open, as a connection that still sends."""
    with contextlib.suppress(AttributeError):
        chunks.close()  # type: ignore[attr-defined]
