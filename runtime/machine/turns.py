"""Keeping two installations into one folder apart."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_at_a_time(folder: Path, report: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Waits until no other process is in such a block for the folder beside this one.

    Args:
        folder: need not exist; what is locked is the folder that it lies in.
        report: is told if there is a wait.

    Raises:
        OSError: the folder that it lies in cannot be opened.
    """
    handle = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("waiting for another installation to end")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
