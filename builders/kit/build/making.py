"""Makes a recipe's exports and compares each with its source, side by side."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.kit.build.errors import StepError
from builders.kit.build.plan import Step, Steps
from builders.kit.tasks.cache import Cache, Entry
from builders.kit.tasks.progress import Outcome, Progress

WORKERS = 2
"""Exports made at once: onnxruntime and hashing let other threads run, the rest does not."""

_torch = threading.Lock()
"""torch's exporter keeps state of the whole process: one at a time."""


@dataclass(frozen=True)
class Made:
    """An export that was made, or was in the cache.

    Attributes:
        path: the file or folder, in the cache: to be copied, not changed.
        digest: the hash of its content.
        facts: what the export recorded.
        parity: the figures of its comparison; None for a file that is not a model.
        bytes: its size.
        built: whether it was made now.
        seconds: step's name -> how long it took when it ran.
        tools: package -> version, of those that took part.
    """

    path: Path
    digest: str
    facts: Mapping[str, Any]
    parity: Mapping[str, Any] | None
    bytes: int
    built: bool
    seconds: Mapping[str, float]
    tools: Mapping[str, str]


@dataclass(frozen=True)
class Bench:
    """Where steps run.

    Attributes:
        cache: keeps their results.
        work: a scratch folder.
        progress: is told.
    """

    cache: Cache
    work: Path
    progress: Progress

    def run(
        self, step: Step, make: Callable[[Path], Any], note: Callable[[Any], str] = lambda value: ""
    ) -> tuple[Entry, bool]:
        """A step's result, from the cache if it is there.

        Args:
            step: the step.
            make: runs it: writes files into the folder it is given, and returns JSON values.
            note: a figure of the value, to be shown.

        Returns:
            The result, and whether it was made now.

        Raises:
            StepError: it failed. Nothing is kept of it.
        """
        entry = self.cache.find(step.kind, step.key)
        built = entry is None
        why = ""
        if entry is None:
            why = step.why(self.cache)
            self.progress.started(step.name, why)
            folder = self.work / uuid.uuid4().hex
            began = time.monotonic()
            try:
                folder.mkdir()
                value = make(folder)
                seconds = time.monotonic() - began
                entry = self.cache.store(step.kind, step.key, folder, value, seconds)
            except Exception as error:
                seconds = time.monotonic() - began
                self.progress.finished(Outcome(step.name, "failed", why, seconds))
                raise StepError(step.name, error) from error
        self.cache.remember(step.name, step.parts)
        self.progress.finished(
            Outcome(
                step.name,
                "built" if built else "cached",
                why,
                entry.seconds,
                tuple(sorted(entry.files)),
                note(entry.value),
            )
        )
        return entry, built


def make_exports(
    steps: Steps, bench: Bench, subjects: Sequence[str]
) -> tuple[dict[str, Made], list[StepError]]:
    """Make exports, and compare them; what can still be done after a failure is done.

    Args:
        steps: the steps of the recipe.
        bench: where to run them.
        subjects: ``family/export`` of those to make.

    Returns:
        Those that succeeded, and the failures.
    """
    made: dict[str, Made] = {}
    failures: list[StepError] = []
    base_of = steps.recipe.base_of

    def one(subject: str) -> None:
        base = base_of(subject)
        try:
            if base is None or base in made:
                made[subject] = _make(steps, bench, subject, made[base] if base else None)
        except StepError as failure:
            failures.append(failure)

    bases = [base for subject in subjects if (base := base_of(subject))]
    derived = [subject for subject in subjects if base_of(subject)]
    first = dict.fromkeys([*bases, *(each for each in subjects if not base_of(each))])
    steps.read_code()
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="export")
    try:
        for wave in (first, derived):
            for job in [pool.submit(one, subject) for subject in wave]:
                job.result()
    finally:
        pool.shutdown(cancel_futures=True)
    return made, sorted(failures, key=lambda failure: failure.name)


def _make(steps: Steps, bench: Bench, subject: str, base: Made | None) -> Made:
    recipe = steps.recipe
    export = recipe.exports[subject]
    checkpoint = recipe.source_of(subject).path
    made_of, digest = (checkpoint, "") if base is None else (base.path, base.digest)
    step = steps.export(subject, digest)

    def make(folder: Path) -> Any:
        out = folder / export.name
        if "torch" in step.tools:
            with _torch:
                facts = export.make(made_of, out)
        else:
            facts = export.make(made_of, out)
        if not out.exists():
            raise ValueError(f"export '{export.name}': expected it to write its file, found none")
        return dict(facts)

    entry, built = bench.run(step, make)
    path = entry.folder / export.name
    seconds = {step.name: entry.seconds}
    tools = dict(step.tools)
    parity = None
    if export.parity is not None:
        from builders.kit.build.parity import compare

        family = subject.partition("/")[0]
        judged = steps.parity(subject, entry.digest)
        result, _ = bench.run(
            judged,
            lambda folder: compare(export, checkpoint, path, family=family).facts(),
            lambda value: f"largest difference {value['absolute']:.1e}",
        )
        parity = result.value
        seconds[judged.name] = result.seconds
        tools |= judged.tools
    size = sum((entry.folder / name).stat().st_size for name in entry.files)
    return Made(path, entry.digest, entry.value, parity, size, built, seconds, tools)
