"""Shows how far a transfer is, by bytes: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import sys
import threading
import time
from typing import TextIO

_PERIOD = 5.0
"""Seconds between two lines if there is no bar."""


class Meter:
    """Counts bytes, and says so; used as a context.

    Args:
        what: what is done, as "push to s3://models/ocr".
        total: bytes to come.
        quiet: say nothing.
        stream: where to; standard error by default.
    """

    def __init__(
        self, what: str, total: int, *, quiet: bool = False, stream: TextIO | None = None
    ) -> None:
        self.what = what
        self.total = total
        self.done = 0
        self._stream = stream or sys.stderr
        self._quiet = quiet
        self._lock = threading.Lock()
        self._began = self._told = time.monotonic()

    def add(self, count: int) -> None:
        """So many bytes more are through."""
        with self._lock:
            self.done += count
            now = time.monotonic()
            live = self._stream.isatty()
            if not self._quiet and now - self._told >= (0.2 if live else _PERIOD):
                self._told = now
                self._write(self._line(now), live=live)

    def note(self, text: str) -> None:
        """Something that is worth a line."""
        if not self._quiet:
            self._write(text, live=False)

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._quiet and self._stream.isatty():
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _line(self, now: float) -> str:
        share = 100 * self.done / max(self.total, 1)
        speed = self.done / max(now - self._began, 1e-3) / 1e6
        return (
            f"{self.what}: {self.done / 1e6:,.1f} of {self.total / 1e6:,.1f} MB "
            f"({min(share, 100):.0f} %), {speed:.1f} MB/s"
        )

    def _write(self, text: str, *, live: bool) -> None:
        clear = "\r\x1b[K" if self._stream.isatty() else ""
        self._stream.write(f"{clear}{text}" + ("" if live else "\n"))
        self._stream.flush()
