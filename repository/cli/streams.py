"""The standard streams of a command, open whatever it was started with."""

from __future__ import annotations

import os
import sys


def open_streams() -> None:
    """Give streams that were closed (``>&-``) to a process as ones that lead nowhere.

    Python has None in their place. The next file that is opened would get their number, and what
    another program prints.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def leave_unwritten() -> None:
    """Drop what standard output does not take, as on a full disk.

    Python writes it once more at its end, and would end with a traceback and code 120.
    """
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
