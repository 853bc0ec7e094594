"""How a server ended that nobody had asked to, told for people."""

from __future__ import annotations

import contextlib
import re
import signal
from collections.abc import Sequence

from runtime.server import logs

WINDOW_SECONDS = 600.0
"""Deaths that are longer ago than this no longer count towards the most that are allowed."""

_LAST_LINES, _LINES_BEFORE = 12, 3
_HELP = re.compile(r"Usage: tritonserver|  -|\t|.*:$")
"""The lines of Triton's help, which it prints with each mistake in its options."""


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
    why = (
        "somebody killed it, or memory ran out"
        if name == "SIGKILL"
        else "a request may have done that"
    )
    return f"Triton was ended by signal {signal.Signals[name].value} ({name}); {why}"


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
    # Triton's report of a signal begins with its number. The outermost frames say least.
    signals = [i for i, line in enumerate(told) if line.startswith("Signal (")]
    first = max(0, signals[-1] - _LINES_BEFORE) if signals else max(0, len(told) - _LAST_LINES)
    return told[first : first + _LAST_LINES]


def reason_of(model: str, lines: Sequence[str]) -> str:
    """Why a model was not loaded, from the server's log; "" if that says nothing of it."""
    parsed = [logs.parse(line) for line in lines]
    told = [
        line.message
        for line in parsed
        if line is not None and line.level != "info" and f"'{model}'" in line.message
    ]
    return told[-1] if told else ""


def reason(lines: Sequence[str]) -> str:
    """Why a server did not start: the last of what it complained of, or said, in one line."""
    parsed = [logs.parse(line) for line in lines]
    told = [
        line.message
        for line in parsed
        if line is not None and line.level != "info" and not line.is_about_missing_gpu
    ]
    # On an option that it does not know, Triton says so first, and prints its whole help.
    told += [line.partition(": ")[2] for line in lines if "/tritonserver: " in line]
    said = [line.strip() for line in lines if line.strip() and not _HELP.match(line)]
    if not said and lines:
        return "it printed its help"
    return "; ".join(told[-3:] or said[-3:]) or "it said nothing"
