"""Makes exports and compares each with its source, side by side."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from builders.errors import FamilyError
from builders.kit.build.errors import raise_failures
from builders.kit.build.plan import Plan
from builders.kit.tasks.parts import files_together
from builders.kit.tasks.runner import Done, Runner, TaskError

WORKERS = 2
"""Exports made at once: onnxruntime and hashing let other threads run, the rest does not."""

_torch = threading.Lock()
"""torch's exporter keeps state of the whole process: one at a time."""


@dataclass(frozen=True)
class MadeExport:
    """An export that was made, or was in the cache.

    Attributes:
        name: its file's name.
        made: its making.
        compared: its comparison; None for a file that is not a model.
    """

    name: str
    made: Done
    compared: Done | None

    @property
    def path(self) -> Path:
        """The file or folder, in the cache: to be copied, not changed."""
        return self.made.entry.folder / self.name

    @property
    def digest(self) -> str:
        """The hash of its content."""
        return self.made.entry.digest

    @property
    def record(self) -> dict[str, Any]:
        """For the manifest: what the export recorded, the comparison's figures, the size."""
        entry = self.made.entry
        return {
            "facts": entry.value,
            "parity": None if self.compared is None else self.compared.entry.value,
            "bytes": sum((entry.folder / name).stat().st_size for name in entry.files),
        }


@dataclass(frozen=True)
class Made:
    """The exports of a plan: all of them, those that were asked for, or those that a dry run found.

    Attributes:
        plan: what they are of.
        exports: by ``family/export``.
    """

    plan: Plan
    exports: Mapping[str, MadeExport]

    @property
    def paths(self) -> dict[str, Path]:
        """Where each lies."""
        return {subject: export.path for subject, export in self.exports.items()}

    @property
    def done(self) -> list[Done]:
        """The tasks."""
        both = [(export.made, export.compared) for export in self.exports.values()]
        return [done for pair in both for done in pair if done is not None]


def make_exports(plan: Plan, runner: Runner, wanted: Iterable[str] | None = None) -> Made:
    """Make exports, and compare them; what can still be done after a failure is done.

    Args:
        plan: with their tasks.
        runner: runs them.
        wanted: ``family/export`` of those to make; all if not given.

    Raises:
        BuildError: some failed; all failures.
    """
    made: dict[str, MadeExport] = {}
    failures: list[TaskError] = []
    bases_of = plan.recipe.bases_of

    def one(subject: str) -> None:
        bases = bases_of(subject)
        try:
            if made.keys() >= set(bases) and (
                export := _make(plan, runner, subject, [made[each] for each in bases])
            ):
                made[subject] = export
        except TaskError as failure:
            failures.append(failure)

    order: TopologicalSorter[str] = TopologicalSorter()
    pending = list(plan.exports if wanted is None else wanted)
    while pending:
        subject = pending.pop(0)
        order.add(subject, *bases_of(subject))
        pending += bases_of(subject)
    order.prepare()
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="export")
    try:
        while wave := order.get_ready():
            for job in [pool.submit(one, subject) for subject in wave]:
                job.result()
            order.done(*wave)
    finally:
        pool.shutdown(cancel_futures=True)
    raise_failures(sorted(failures, key=lambda failure: failure.name))
    return Made(plan, {subject: made[subject] for subject in plan.exports if subject in made})


def _make(
    plan: Plan, runner: Runner, subject: str, bases: Sequence[MadeExport]
) -> MadeExport | None:
    export = plan.recipe.exports[subject]
    if not export.parts:
        checkpoint = plan.recipe.source_of(subject).path
        return _made(plan, runner, subject, bases, checkpoint)
    with files_together({each.name: each.path for each in bases}) as folder:
        return _made(plan, runner, subject, bases, folder)


def _made(
    plan: Plan, runner: Runner, subject: str, bases: Sequence[MadeExport], checkpoint: Path
) -> MadeExport | None:
    export = plan.recipe.exports[subject]
    task, made_of = plan.exports[subject], checkpoint
    parts = {f"part {each.name}": each.digest for each in bases if export.parts}
    if export.of:
        task, made_of = task.given({"file made": bases[0].digest}), bases[0].path
    elif parts:
        task = task.given(parts)

    def make(folder: Path) -> Any:
        out = folder / export.name
        if "torch" in task.tools:
            with _torch:
                facts = export.make(made_of, out)
        else:
            facts = export.make(made_of, out)
        if not out.exists():
            raise FamilyError(
                f"export '{export.name}': expected it to write its file, found none. Have it write "
                "where it is told to."
            )
        return dict(facts)

    made = runner.run(task, make)
    if made is None:
        return None
    path = made.entry.folder / export.name
    parity = plan.parities.get(subject)
    if parity is None:
        return MadeExport(export.name, made, None)

    def compare_them(folder: Path) -> Any:
        from builders.kit.build.parity import compare

        return compare(export, checkpoint, path, family=subject.partition("/")[0]).facts()

    compared = runner.run(
        parity.given({"file made": made.entry.digest, **parts}),
        compare_them,
        lambda value: f"largest difference {value['absolute']:.1e}",
    )
    return MadeExport(export.name, made, compared)
