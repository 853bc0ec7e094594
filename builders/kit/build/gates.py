"""Measures a staged repository's metrics in this process, and holds them to their bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from builders.kit.build.errors import BuildError
from builders.kit.build.making import Bench
from builders.kit.build.plan import Steps
from builders.kit.family import Metric
from repository.arrays import Arrays
from repository.findings import Finding, Severity

Scores = tuple[list[tuple[str, Metric, float]], dict[str, float], dict[str, str]]
"""Family, metric and value of each; the steps' seconds; the tools that took part."""


def measure(
    steps: Steps,
    bench: Bench,
    folder: Path,
    files: Mapping[str, str],
    configs: Mapping[str, Any],
) -> Scores:
    """Every metric of a staged repository, measured in this process.

    Args:
        steps: the steps of the recipe.
        bench: where to run them.
        folder: the staged repository.
        files: its files, by path -> SHA-256.
        configs: each model's ``ModelConfig``.

    Returns:
        The scores.

    Raises:
        StepError: a pipeline failed on a metric's input.
        BuildError: values beyond their bounds; all of them.
    """
    scores: list[tuple[str, Metric, float]] = []
    seconds: dict[str, float] = {}
    tools: dict[str, str] = {}
    for family in steps.recipe.families.values():
        for metric in family.metrics:
            step = steps.metric(family.name, metric, files, configs)
            entry, _ = bench.run(
                step,
                lambda _, metric=metric: _score(metric, folder),  # type: ignore[misc]
                lambda value, metric=metric: f"{value:.4g}, bound {metric.bound:g}",  # type: ignore[misc]
            )
            scores.append((family.name, metric, float(entry.value)))
            seconds[step.name] = entry.seconds
            tools |= step.tools
    beyond = [
        _beyond(family, metric, value) for family, metric, value in scores if not _ok(metric, value)
    ]
    if beyond:
        raise BuildError(beyond)
    return scores, seconds, tools


def _score(metric: Metric, folder: Path) -> float:
    from runtime.inprocess import InProcess

    repository = InProcess(folder)

    def run(inputs: Arrays) -> Arrays:
        return repository.run(metric.pipeline, inputs)

    value = float(metric.measure(run))
    if not math.isfinite(value):
        raise ValueError(f"metric '{metric.name}': expected a finite score, found {value}")
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
        remedy="Look at what changed in its models' sources, exports and stages; "
        "the last good repository is untouched.",
    )
