"""Where a request's time goes, by kind and by step, from the servers' own statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from perf.report.palette import KINDS
from perf.result import LegResult, ProcessUse, Round, StepTime

FIELDS: dict[str, Callable[[StepTime], float]] = {
    "queue": lambda step: step.queue_us,
    "input copy": lambda step: step.compute_input_us,
    "compute": lambda step: step.compute_infer_us,
    "output copy": lambda step: step.compute_output_us,
}
"""The kinds of time that Triton counts for a model."""


@dataclass(frozen=True)
class Breakdown:
    """One leg's time for one request, medians over its rounds, in milliseconds.

    Attributes:
        kinds: kind of time -> how much; the six of :data:`perf.report.palette.KINDS`.
        steps: model -> kind -> how much, in the order of the statistics.
        calls: model -> calls for one request.
        latency: the client's mean. Triton counts sums, so means are all that it can be set
            against; the p50 beside them would make time appear or vanish.
    """

    kinds: dict[str, float]
    steps: dict[str, dict[str, float]]
    calls: dict[str, float]
    latency: float

    @property
    def overlap(self) -> bool:
        """Whether calls ran side by side or in one batch, whose time counts for each of them, so
        that together they took longer than the request."""
        return sum(self.kinds.values()) > self.latency * 1.01


def breakdown(leg: LegResult) -> Breakdown | None:
    """The leg's breakdown, or None if no round has statistics.

    The rest, which no step accounts for, is split into time inside and outside the pipeline's
    server or gateway, if that says how long a request was in it.
    """
    rounds = [each for each in leg.rounds if each.steps and each.latencies_ms]
    if not rounds:
        return None
    splits = [_kinds(each) for each in rounds]
    models = list(dict.fromkeys(step.model for each in rounds for step in each.steps))
    return Breakdown(
        kinds={kind: median(split[kind] for split in splits) for kind in KINDS},
        steps={
            model: {kind: median(_of(rounds, model, take)) / 1000 for kind, take in FIELDS.items()}
            for model in models
        },
        calls={model: median(_of(rounds, model, lambda step: step.calls)) for model in models},
        latency=median(_mean(each) for each in rounds),
    )


def uses(leg: LegResult) -> dict[str, ProcessUse]:
    """Part -> its CPU time and memory, medians over the leg's rounds."""
    found: dict[str, list[ProcessUse]] = {}
    for each in leg.rounds:
        for use in each.processes:
            found.setdefault(use.part, []).append(use)
    return {
        part: ProcessUse(
            part=part,
            processes=max(use.processes for use in measured),
            cpu_ms=median(use.cpu_ms for use in measured),
            resident_mib=median(use.resident_mib for use in measured),
            proportional_mib=median(use.proportional_mib for use in measured),
        )
        for part, measured in found.items()
    }


def median(values: Iterable[float]) -> float:
    """The median as a plain float."""
    return float(np.median(list(values)))


def _kinds(each: Round) -> dict[str, float]:
    split = {kind: sum(map(take, each.steps)) / 1000 for kind, take in FIELDS.items()}
    steps, latency = sum(split.values()), _mean(each)
    within = steps if each.server_ms is None else each.server_ms
    split["between the steps"] = max(0.0, within - steps)
    split["network and client"] = max(0.0, latency - within)
    return split


def _of(rounds: list[Round], model: str, take: Callable[[StepTime], float]) -> list[float]:
    """In microseconds, or calls; 0 in a round that did not call the model."""
    return [sum(take(step) for step in each.steps if step.model == model) for each in rounds]


def _mean(each: Round) -> float:
    return float(np.mean(each.latencies_ms))
