"""Reads small files that anybody may have written: regular ones, and never more than a bound."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO

from repository.errors import RepositoryError
from repository.findings import clauses, printable, shortened

MAXIMUM_FILE = 1 << 30
"""Bytes of a file that is sent as a request's input: gRPC's messages end at twice that."""


class Unreadable(RepositoryError):
    """A file that is not what it should be; its text says where, expected and found.

    Attributes:
        where: the file, or what else was read.
        expected: what it should be.
        found: what there is.
        line: the line of the mistake, from 1 on; 0 if none is known.
    """

    def __init__(self, where: object, expected: str, found: str, line: int = 0) -> None:
        place = f"{where}, line {line}" if line else str(where)
        expected, found = clauses(expected, found)
        super().__init__(printable(f"{place}: expected {expected}, found {found}."))
        self.where = str(where)
        self.expected = expected
        self.found = found
        self.line = line


def read_bounded(path: Path, maximum: int) -> bytes:
    """A file's content.

    Args:
        path: a regular file, or a link to one.
        maximum: bytes that it may have.

    Raises:
        Unreadable: there is none, it may not be read, it is larger, or it is a folder, a device, a
            pipe or the like; opening one of these does not block.
    """
    try:
        with open_regular(path) as file:
            content = file.read(maximum + 1)
    except OSError as error:
        raise Unreadable(shortened(str(path)), "a readable file", reason(error)) from None
    if len(content) > maximum:
        raise Unreadable(path, f"at most {maximum:,} bytes", "more")
    return content


def open_regular(path: Path) -> IO[bytes]:
    """Opens a regular file, or a link to one, for reading. It never waits for a pipe or a device.

    Raises:
        Unreadable: it is something else, or no file can have its name.
        OSError: it is not there, or may not be read.
    """
    if (kind := kind_at(path)) != "file":
        raise Unreadable(path, "a file", f"a {kind}")
    # What lies there may be another thing by now: a pipe is opened without waiting.
    return open(path, "rb", opener=_opener)


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)


def kind_at(path: Path) -> str:
    """What lies at a path: "file", "folder", "pipe", "socket" or "device".

    Raises:
        Unreadable: no file can have that name.
        OSError: there is nothing, or it may not be looked at.
    """
    try:
        status = path.stat()
    except (ValueError, UnicodeError):
        where = shortened(str(path))
        raise Unreadable(where, "a file's name", "one that no file can have") from None
    for test, kind in (
        (stat.S_ISREG, "file"),
        (stat.S_ISDIR, "folder"),
        (stat.S_ISFIFO, "pipe"),
        (stat.S_ISSOCK, "socket"),
    ):
        if test(status.st_mode):
            return kind
    return "device"


def reason(error: OSError) -> str:
    """The system's words for an error, as "No such file or directory"."""
    return error.strerror or str(error) or "an error of the system"
