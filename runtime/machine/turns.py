"""Keeping two installations into one folder apart."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from repository.places import MADE


@contextmanager
def one_at_a_time(folder: Path, report: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Lets one process at a time into a block for a folder; the others wait.

    Args:
        folder: it need not exist: its parent is what is locked. The kit's own place is made
            where there is none yet.
        report: is called if there is a wait.

    Raises:
        OSError: the parent cannot be made or opened.
    """
    if folder.parent == MADE:
        MADE.mkdir(parents=True, exist_ok=True)
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
