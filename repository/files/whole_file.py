"""Writes a file whole, or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file without a name, then put it into its place by one renaming.

    A process that is killed leaves nothing, since a file without a name goes with it (O_TMPFILE).
    If the file system has no such files, it is written beside its place. A link is followed. A
    target that is not a regular file, as /dev/stdout or a pipe, is written to directly.

    Args:
        path: where to; what is there stays until all of the content is on the disk.
        content: what.

    Raises:
        OSError: it cannot be written, as on a full disk; nothing is left of it then.
    """
    target = Path(os.path.realpath(path))
    there = target.stat() if target.exists() else None
    if there is not None and not stat.S_ISREG(there.st_mode):
        with target.open("wb") as file:
            file.write(content)
        return
    beside = target.parent / f".{target.name[:100]}.{secrets.token_hex(4)}"
    descriptor, named = _opened(beside)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if there is not None:
                os.fchmod(file.fileno(), stat.S_IMODE(there.st_mode))
            os.fsync(file.fileno())
            if not named:
                _name(file.fileno(), beside)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _opened(beside: Path) -> tuple[int, bool]:
    """A file to write to, and whether it has its name already."""
    flags = os.O_WRONLY | os.O_CLOEXEC
    try:
        return os.open(beside.parent, flags | os.O_TMPFILE, 0o666), False
    except OSError:
        return os.open(beside, flags | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666), True


def _name(descriptor: int, path: Path) -> None:
    """Give a file without a name one (open(2), O_TMPFILE)."""
    folder = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY)
    try:
        # With a descriptor of a folder, os.link follows the link that stands for the file.
        os.link(str(descriptor), path, src_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)
