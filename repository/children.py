"""Child processes that end with the process that started them, even if that one is killed.

Only the standard library.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def ending_with_parent(number: int) -> Callable[[], None]:
    """For ``preexec_fn`` of a :class:`subprocess.Popen`: the child does not outlive this process.

    Args:
        number: the signal that the kernel sends the child when the thread that started it ends,
            however it ends.
    """
    libc = ctypes.CDLL(None)  # here, as a child should do as little as it can
    own = os.getpid()

    def end_with_parent() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != own:
            os._exit(1)

    return end_with_parent


def end_with_parent(parent: int) -> None:
    """Has the kernel kill this process when the thread that started it ends, however it ends.

    Args:
        parent: the process id of the parent; if the parent has ended already, this process ends
            now.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
