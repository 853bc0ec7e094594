"""Measures a staged repository's metrics in this process, and holds them to their bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from builders.errors import FamilyError
from builders.kit.build.errors import BuildError, raise_failures
from builders.kit.build.plan import models_under
from builders.kit.build.staging import Staged
from builders.kit.family import Metric
from builders.kit.tasks.cache import key_of
from builders.kit.tasks.runner import Done, Runner, TaskError
from repository.config.proto import pb
from repository.findings import Finding, Severity

# Settings that decide when a request runs, and not what it answers.
_SERVING: tuple[
    Literal["instance_group", "dynamic_batching", "response_cache", "model_warmup"], ...
] = ("instance_group", "dynamic_batching", "response_cache", "model_warmup")


@dataclass(frozen=True)
class Measured:
    """A repository with its scores.

    Attributes:
        staged: the repository.
        done: ``family/metric`` -> its measuring, as far as the runner gave it.
    """

    staged: Staged
    done: Mapping[str, Done]

    @property
    def scores(self) -> list[tuple[str, Metric, float]]:
        """Family, metric and value of each."""
        return [
            (family.name, metric, float(done.entry.value))
            for family in self.staged.made.plan.recipe.families.values()
            for metric in family.metrics
            if (done := self.done.get(f"{family.name}/{metric.name}"))
        ]


def measure(staged: Staged, runner: Runner) -> Measured:
    """Every metric of a staged repository, measured in this process.

    Args:
        staged: the repository. In a dry run it may lack exports; metrics that need one are left
            out.
        runner: runs the plan's tasks.

    Raises:
        BuildError: a pipeline failed on a metric's input.
    """
    done: dict[str, Done] = {}
    for family in staged.made.plan.recipe.families.values():
        for metric in family.metrics:
            name = f"{family.name}/{metric.name}"
            if lacking(metric, staged):
                continue
            if (found := _measured(name, metric, staged, runner)) is not None:
                done[name] = found
    return Measured(staged, done)


def lacking(metric: Metric, staged: Staged) -> list[str]:
    """``family/export`` of those that a metric's pipelines need and a repository lacks."""
    recipe = staged.made.plan.recipe
    used = _models_under(metric.pipelines, staged)
    needed = {
        subject
        for model in recipe.models
        if model.name in used
        for subject in recipe.exports_of(model).values()
    }
    return [each for each in recipe.exports if each in needed - staged.made.exports.keys()]


def _models_under(pipelines: Sequence[str], staged: Staged) -> set[str]:
    return {each for name in pipelines for each in models_under(name, staged.configs)}


def _measured(name: str, metric: Metric, staged: Staged, runner: Runner) -> Done | None:
    try:
        return runner.run(
            staged.made.plan.metrics[name].given(_files_under(metric.pipelines, staged)),
            lambda _: _score(metric, staged.folder),
            lambda value: f"{value:.4g}, bound {metric.bound:g}",
        )
    except TaskError as failure:
        raise_failures([failure])
        raise


def hold_to_bounds(measured: Measured) -> Measured:
    """The same, if every score is within its bound.

    Raises:
        BuildError: scores beyond their bounds; all of them.
    """
    beyond = [
        _beyond(family, metric, value)
        for family, metric, value in measured.scores
        if not _ok(metric, value)
    ]
    if beyond:
        raise BuildError(beyond)
    return measured


def _files_under(pipelines: Sequence[str], staged: Staged) -> dict[str, str]:
    """What pipelines' answers depend on in the repository, for a task's key."""
    used = _models_under(pipelines, staged)
    parts = {
        f"file {path}": file.sha256
        for path, file in staged.files.items()
        if path.split("/")[0] in used and not path.endswith("/config.pbtxt")
    }
    for name in used:
        config = pb.ModelConfig()
        config.CopyFrom(staged.configs[name])
        for setting in _SERVING:
            config.ClearField(setting)
        parts[f"file {name}/config.pbtxt"] = key_of({"": str(config)})
    return parts


def _score(metric: Metric, folder: Path) -> float:
    from runtime.inprocess import InProcess

    with InProcess(folder) as repository:
        runs = (partial(repository.run, name) for name in metric.pipelines)
        value = float(metric.measure(*runs))
    if not math.isfinite(value):
        raise FamilyError(
            f"metric '{metric.name}': expected a finite score, found {value}. "
            "Mend what measures it."
        )
    return value


def _ok(metric: Metric, value: float) -> bool:
    return value <= metric.bound if metric.better == "lower" else value >= metric.bound


def _beyond(family: str, metric: Metric, value: float) -> Finding:
    word = "at most" if metric.better == "lower" else "at least"
    return Finding(
        severity=Severity.ERROR,
        rule="metric",
        where=f"metric {family}/{metric.name} of '{metric.pipeline}'",
        expected=f"{word} {metric.bound:g}",
        found=f"{value:.4g}",
        remedy="Look at its models' sources, exports and stages, and at the metric's data and "
        "bound; no repository was written or changed.",
    )
