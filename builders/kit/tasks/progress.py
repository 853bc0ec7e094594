"""Tells what a build is doing: live where somebody watches, else one line a task."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal, Protocol

from repository.timed_lines import TimedLines

_NAMED = 3
"""Files of a task that its line names."""

Action = Literal["built", "cached", "failed"]


@dataclass(frozen=True)
class Outcome:
    """What became of one task.

    Attributes:
        name: the task's name, as "export ocr/detector".
        action: "built" if it ran, "cached" if it did not have to, "failed".
        why: why it ran.
        seconds: how long it took, or, if it was cached, how long it took when it ran.
        files: what it made.
        note: a figure worth seeing.
    """

    name: str
    action: Action
    why: str = ""
    seconds: float = 0.0
    files: tuple[str, ...] = ()
    note: str = ""


class Progress(Protocol):
    """Hears of a build's tasks, from several threads."""

    def started(self, name: str, why: str) -> None:
        """A task begins to run."""

    def finished(self, outcome: Outcome) -> None:
        """A task has its result, or has failed."""

    def message(self, text: str) -> None:
        """Something that is worth a line."""

    def close(self) -> None:
        """The build is over."""


class Silent:
    """Says nothing."""

    def started(self, name: str, why: str) -> None:
        """Nothing."""

    def finished(self, outcome: Outcome) -> None:
        """Nothing."""

    def message(self, text: str) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class Lines(TimedLines):
    """One line for each event, with the time since the build began."""

    def started(self, name: str, why: str) -> None:
        """``[  1.2 s] export ocr/detector: new``."""
        self.message(f"{name}: {why}")

    def finished(self, outcome: Outcome) -> None:
        """``[  3.4 s] export ocr/detector: built in 2.2 s``."""
        self.message(describe(outcome))

    def message(self, text: str) -> None:
        """A line."""
        self.line(text)

    def close(self) -> None:
        """Nothing is left open."""


class Live:
    """Running tasks with a spinner and their elapsed time; finished ones as lines above them."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import Progress as Bars
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._tasks: dict[str, int] = {}
        self._bars.start()

    def started(self, name: str, why: str) -> None:
        """A new spinner."""
        self._tasks[name] = self._bars.add_task(f"{name}: {why}", total=None)

    def finished(self, outcome: Outcome) -> None:
        """The spinner gives way to a line."""
        task = self._tasks.pop(outcome.name, None)
        if task is not None:
            self._bars.remove_task(task)  # type: ignore[arg-type]
        style = {"built": "green", "cached": "dim", "failed": "bold red"}[outcome.action]
        self._bars.console.print(describe(outcome), style=style, markup=False, highlight=False)

    def message(self, text: str) -> None:
        """A line."""
        self._bars.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        """No spinner is left on the screen."""
        self._bars.stop()


def describe(outcome: Outcome) -> str:
    """An outcome in a line."""
    took = outcome.seconds > 0 and outcome.action != "cached"
    taken = f"in {outcome.seconds:.1f} s" if took else ""
    facts = [part for part in (outcome.note, _listed(outcome.files)) if part]
    tail = f" ({'; '.join(facts)})" if facts else ""
    return f"{outcome.name}: {outcome.action} {taken}".rstrip() + tail


def _listed(files: tuple[str, ...]) -> str:
    """Names of files; the first of many, and how many more there are."""
    if len(files) <= _NAMED:
        return ", ".join(files)
    return f"{', '.join(files[:_NAMED])} and {len(files) - _NAMED} more files"


def choose(*, quiet: bool = False) -> Progress:
    """What fits standard error: live on a terminal, lines elsewhere."""
    if quiet:
        return Silent()
    return Live() if sys.stderr.isatty() else Lines()
