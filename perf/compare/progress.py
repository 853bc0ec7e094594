"""Tells what a comparison is doing: a bar where somebody watches, else one line a measurement."""

from __future__ import annotations

import sys
from typing import Protocol

from repository.timed_lines import TimedLines


class Progress(Protocol):
    """Hears how a comparison goes."""

    def began(self, what: str, done: int, total: int) -> None:
        """A measurement begins."""

    def line(self, text: str) -> None:
        """Something that is worth a line."""

    def close(self) -> None:
        """It is over."""


class Lines(TimedLines):
    """A line for each, with the time since the start."""

    def began(self, what: str, done: int, total: int) -> None:
        """Nothing: its line comes when it is done."""

    def close(self) -> None:
        """Nothing is left open."""


class Bar:
    """A bar with the measurement that runs and the time that is left; lines above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        self._bars = Bars(
            MofNCompleteColumn(),
            BarColumn(bar_width=20),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bars.add_task("starting", total=None)
        self._bars.start()

    def began(self, what: str, done: int, total: int) -> None:
        """The bar moves on."""
        self._bars.update(self._task, description=what, completed=done, total=total)

    def line(self, text: str) -> None:
        """A line."""
        self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """No bar is left on the screen."""
        self._bars.stop()


def choose() -> Progress:
    """What fits standard error."""
    return Bar() if sys.stderr.isatty() else Lines()
