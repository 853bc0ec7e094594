"""When to start again what keeps ending: at once a few times, then later and later."""

from __future__ import annotations

import collections
import time
from collections.abc import Callable

AT_ONCE = 3
"""So many starts within the window happen at once. Each further one waits twice as long as the one
before, since a server that always fails would keep the machine busy."""

LONGEST_WAIT_SECONDS = 30.0


class BackOff:
    """Counts starts.

    Args:
        window_seconds: starts that are longer ago no longer count.
        most: how many starts there may be within the window; None for any number.
        clock: the time in seconds.
    """

    def __init__(
        self,
        window_seconds: float,
        most: int | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._window = window_seconds
        self._most = most
        self._clock = clock
        self._times: collections.deque[float] = collections.deque()

    @property
    def recent(self) -> int:
        """How many starts were within the window when last asked."""
        return len(self._times)

    def wait(self) -> float | None:
        """Counts one more start.

        Returns:
            the seconds to wait before it; None if there were too many, and this one is not counted.
        """
        now = self._clock()
        while self._times and self._times[0] <= now - self._window:
            self._times.popleft()
        if self._most is not None and len(self._times) >= self._most:
            return None
        excess = len(self._times) - AT_ONCE + 1
        self._times.append(now)
        return min(LONGEST_WAIT_SECONDS, 2.0**excess) if excess > 0 else 0.0
