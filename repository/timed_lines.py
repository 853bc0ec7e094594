"""Lines that say how long a command has run."""

from __future__ import annotations

import sys
import threading
import time
from typing import TextIO


class TimedLines:
    """Writes lines with the time since it was made, from any thread.

    Args:
        stream: where to; standard error by default.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._began = time.monotonic()
        self._lock = threading.Lock()

    def line(self, text: str) -> None:
        """``[  1.2 s] text``."""
        elapsed = time.monotonic() - self._began
        with self._lock:
            self._stream.write(f"[{elapsed:6.1f} s] {text}\n")
            self._stream.flush()
