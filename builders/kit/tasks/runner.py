"""Runs tasks: each once, its result kept; or looks which have one."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from builders.errors import BuildersError
from builders.kit.tasks.cache import Cache, Entry
from builders.kit.tasks.progress import Outcome, Progress
from builders.kit.tasks.task import Task
from repository.errors import KitError
from repository.findings import Finding, Severity


class TaskError(BuildersError):
    """A task failed; its cause is the error."""

    def __init__(self, name: str, cause: BaseException) -> None:
        super().__init__(f"{name}: {cause}")
        self.name = name
        self.cause = cause

    @property
    def finding(self) -> Finding:
        """For the report."""
        told = isinstance(self.cause, KitError | ValueError | OSError)
        # The build's command replaces that of the comparison, since it knows the profile.
        text = str(self.cause).partition("\nReproduce it with: ")[0].rstrip(".")
        text = "; ".join(text.splitlines()) or type(self.cause).__name__
        return Finding(
            severity=Severity.ERROR,
            rule="task",
            where=self.name,
            expected="it to succeed",
            found=text if told else f"{type(self.cause).__name__}: {text}",
            remedy="The last good repository is untouched; mend the cause and build again.",
        )


@dataclass(frozen=True)
class Done:
    """A task that has its result.

    Attributes:
        task: the task.
        entry: its result.
        built: whether it ran now; False if the result was in the cache.
    """

    task: Task
    entry: Entry
    built: bool


Make = Callable[[Path], Any]
"""Runs a task: writes files into the folder that it is given, and returns JSON values."""

Note = Callable[[Any], str]
"""A figure of a task's value, to be shown."""


class Runner(Protocol):
    """Gives tasks their results."""

    def run(self, task: Task, make: Make, note: Note = ...) -> Done | None:
        """A task's result; None if there is none yet and this runner does not make it."""


@dataclass(frozen=True)
class Worker:
    """Runs what is not in the cache.

    Attributes:
        cache: keeps the results.
        work: a scratch folder.
        progress: is told.
    """

    cache: Cache
    work: Path
    progress: Progress

    def run(self, task: Task, make: Make, note: Note = lambda value: "") -> Done:
        """A task's result, from the cache if it is there.

        Raises:
            TaskError: it failed. Nothing is kept of it.
        """
        entry = self.cache.find(task.kind, task.key)
        built = entry is None
        why = ""
        if entry is None:
            why = task.why(self.cache)
            self.progress.started(task.name, why)
            folder = self.work / uuid.uuid4().hex
            began = time.monotonic()
            try:
                folder.mkdir()
                value = make(folder)
                seconds = time.monotonic() - began
                entry = self.cache.store(task.kind, task.key, folder, value, seconds)
            except (Exception, SystemExit) as error:
                seconds = time.monotonic() - began
                self.progress.finished(Outcome(task.name, "failed", why, seconds))
                raise TaskError(task.name, error) from error
        self.cache.remember(task.name, task.parts)
        self.progress.finished(
            Outcome(
                task.name,
                "built" if built else "cached",
                why,
                entry.seconds,
                tuple(sorted(entry.files)),
                note(entry.value),
            )
        )
        return Done(task, entry, built)
