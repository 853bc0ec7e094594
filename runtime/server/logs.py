"""Triton's log lines, read and made shorter.

A line of Triton 24.10 is ``I1123 14:28:00.123456 4711 file.cc:42] "message"``.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

_LINE = re.compile(
    r"(?P<level>[EIWF])\d{4} (?P<time>\d\d:\d\d:\d\d\.\d{3})\d* \d+ (?P<source>[\w.]+:\d+)\] "
    r"(?P<message>.*)",
    re.DOTALL,
)
LEVELS = {"I": "info", "W": "warning", "E": "error", "F": "fatal"}
"""By Triton's letter, the least severe first."""

_WITHOUT_GPU = (
    "Unable to allocate pinned system memory",
    "failed to allocate pinned system memory",
    "CudaDriverHelper has not been initialized",
    "CUDA memory pool disabled",
    "unable to create stream",
    "Cannot get CUDA device count",
    "error: failed to create NVML",
    "NVML Failed",
    "Error: Failed to initialize NVML",
    "DCGM unable to start",
    "failed to get CUDA device",
)


@dataclass(frozen=True)
class LogLine:
    """One line of the log.

    Attributes:
        level: info, warning, error or fatal.
        time: hours, minutes, seconds and milliseconds.
        source: Triton's source file and line.
        message: the text.
    """

    level: str
    time: str
    source: str
    message: str

    def __str__(self) -> str:
        mark = "" if self.level == "info" else f"{self.level}: "
        return f"{self.time} {mark}{self.message}"

    @property
    def is_about_missing_gpu(self) -> bool:
        """Whether it only says, as several parts of Triton do at start, that there is no GPU."""
        return is_about_missing_gpu(self.message)


def is_about_missing_gpu(text: str) -> bool:
    """The same of a text that Triton wrote, in its log or beside it."""
    return any(known in text for known in _WITHOUT_GPU)


def parse(line: str) -> LogLine | None:
    """The parts of a line; None for what Triton prints outside its log, tables for one."""
    match = _LINE.fullmatch(line.rstrip("\n"))
    if match is None:
        return None
    message = match["message"]
    if message.startswith('"'):
        try:
            message = json.loads(message, strict=False)
        except ValueError:
            message = message.strip('"')
    return LogLine(LEVELS[match["level"]], match["time"], match["source"], str(message))


_LOADING = re.compile(r'"loading: (.+):\d+"')
_LOADED = re.compile(r"\"successfully loaded '(.+)'\"")


class LoadTimes:
    """Measures from the log how long models take to load.

    Attributes:
        seconds: by model.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._started: dict[str, float] = {}

    def read(self, line: str) -> None:
        """Takes one line of the log."""
        if match := _LOADING.search(line):
            self._started[match[1]] = time.monotonic()
        elif match := _LOADED.search(line):
            started = self._started.pop(match[1], None)
            if started is not None:
                self.seconds[match[1]] = time.monotonic() - started


class Printer:
    """Writes the log for people: short lines, without tables and without what is known.

    Args:
        least: the least severe level that is written; None writes everything as it is.
        write: gets each line.
    """

    def __init__(self, least: str | None, write: Callable[[str], None]) -> None:
        order = list(LEVELS.values())
        self._shown = None if least is None else set(order[order.index(least) :])
        self._write = write

    def __call__(self, line: str) -> None:
        """Takes up one line of the server's output."""
        if self._shown is None:
            self._write(line)
            return
        parsed = parse(line)
        if parsed is None or parsed.level not in self._shown or parsed.is_about_missing_gpu:
            return
        if parsed.message.strip():
            self._write(str(parsed))
