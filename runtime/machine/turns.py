"""Keeping two installations into one folder apart."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_at_a_time(folder: Path, report: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Lets one process at a time into a block for a folder; the others wait.

    Args:
        folder: it need not exist: its parent is what is locked.
        report: is called if there is a wait.

    Raises:
        OSError: the parent cannot be opened.
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
