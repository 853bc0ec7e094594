"""Triton's log lines, read and made shorter.

A line of Triton 24.10 is ``I1123 14:28:00.123456 4711 file.cc:42] "message"``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_LINE = re.compile(
    r"(?P<level>[EIWF])\d{4} (?P<time>\d\d:\d\d:\d\d\.\d{3})\d* \d+ (?P<source>[\w.]+:\d+)\] "
    r"(?P<message>.*)",
    re.DOTALL,
)
LEVELS = {"I": "info", "W": "warning", "E": "error", "F": "fatal"}

_WITHOUT_GPU = (
    "Unable to allocate pinned system memory",
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
        return any(text in self.message for text in _WITHOUT_GPU)


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
