"""How a server ended that nobody had asked to, told for people, and when to start it again."""

from __future__ import annotations

import collections
import contextlib
import signal
import time
from collections.abc import Callable, Sequence

from runtime import logs

WINDOW_SECONDS = 600.0
"""Deaths that are longer ago than this no longer count."""

_AT_ONCE = 3
"""So many starts within the window follow a death at once; from then on each waits twice as long as
the one before, as a server that dies of its own models would keep the machine busy."""

_LONGEST_WAIT_SECONDS = 30.0
_LAST_LINES, _LINES_BEFORE = 12, 3


class Restarts:
    """Says when a server that died is started again.

    Args:
        most: how often within :data:`WINDOW_SECONDS`.
        clock: the time in seconds.
    """

    def __init__(self, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._times: collections.deque[float] = collections.deque()

    @property
    def recent(self) -> int:
        """How many starts are within the window."""
        return len(self._times)

    def wait(self) -> float | None:
        """Counts a death.

        Returns:
            the seconds to wait before the next start; None to give up.
        """
        now = self._clock()
        while self._times and self._times[0] <= now - WINDOW_SECONDS:
            self._times.popleft()
        if len(self._times) >= self._most:
            return None
        excess = len(self._times) - _AT_ONCE + 1
        self._times.append(now)
        return min(_LONGEST_WAIT_SECONDS, 2.0**excess) if excess > 0 else 0.0


def cause(code: int) -> str:
    """What ended a process: ``SIGSEGV``, or ``exit code 1``.

    Args:
        code: its exit code; 128 and the number, or the number's negative, for a signal.
    """
    number = -code if code < 0 else code - 128
    with contextlib.suppress(ValueError):
        if number > 0:
            return signal.Signals(number).name
    return f"exit code {code}"


def sentence(code: int) -> str:
    """The same as a sentence's beginning, for people."""
    name = cause(code)
    if not name.startswith("SIG"):
        return f"Triton ended by itself with {name}"
    return (
        f"Triton was ended by signal {signal.Signals[name].value} ({name}); a request may have "
        "done that"
    )


def last_lines(lines: Sequence[str]) -> list[str]:
    """The last of what a server said that is not merely information: a dozen, the oldest first."""
    told = []
    for line in lines:
        parsed = logs.parse(line)
        if logs.is_about_missing_gpu(line):
            continue
        if parsed is None:
            if line.strip() and line[0] not in "|+":  # Triton's tables
                told.append(line.rstrip())
        elif parsed.level != "info":
            told.append(str(parsed))
    # Triton's own account of a signal begins with its number; the outermost frames say least.
    signals = [i for i, line in enumerate(told) if line.startswith("Signal (")]
    first = max(0, signals[-1] - _LINES_BEFORE) if signals else max(0, len(told) - _LAST_LINES)
    return told[first : first + _LAST_LINES]
