"""One candidate and its figures, always beside the present settings'."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from perf.judge.estimate import Estimate, mean
from perf.measure.loader import Sample
from perf.tune.settings import Settings

Objective = Literal["throughput", "latency"]
"""Answered requests a second, or the p50."""

CONFIDENCE = 0.995
"""The confidence of the ratios: high, since many rounds of three finalists are looked at."""


@dataclass
class Row:
    """One candidate: what was measured of it, by round, or why nothing was.

    Attributes:
        settings: which.
        samples: round -> its measurement.
        final: rounds that decide; those before chose what is measured in them.
        failure: why it is out, in a sentence.
    """

    settings: Settings
    samples: dict[int, Sample] = field(default_factory=dict)
    final: set[int] = field(default_factory=set)
    failure: str | None = None

    @property
    def errors(self) -> int:
        """Of all rounds."""
        return sum(each.errors for each in self.samples.values())

    @property
    def throughput(self) -> float:
        """The median over the rounds, in answered requests a second; NaN without any."""
        return _median([throughput(each) for each in self.samples.values()])

    def percentile(self, percent: float) -> float:
        """The median over the rounds of their percentile, in milliseconds; NaN without any."""
        answered = [each.latencies_ms for each in self.samples.values() if each.latencies_ms]
        return _median([float(np.percentile(each, percent)) for each in answered])

    def spread(self, objective: Objective) -> float:
        """Half the range over the rounds, as a share of the median; NaN of fewer than two."""
        figures = [figure(each, objective) for each in self.samples.values()]
        if len(figures) < 2:
            return math.nan
        return (max(figures) - min(figures)) / 2 / float(np.median(figures))

    def gain(self, present: Row, objective: Objective) -> Estimate:
        """How many times better than the present settings, round by round; above one is better.

        The ratio of the rounds that decide, if there are any.
        """
        rounds = self.final or self.samples.keys()
        return mean(
            [
                math.log(figure(self.samples[n], objective) / figure(present.samples[n], objective))
                for n in sorted(rounds)
                if n in present.samples
                and _is_whole(present.samples[n])
                and _is_whole(self.samples[n])
            ],
            CONFIDENCE,
        )


def figure(sample: Sample, objective: Objective) -> float:
    """The figure to maximise: requests a second, or the inverse of the p50 in seconds."""
    if objective == "throughput":
        return throughput(sample)
    return 1e3 / float(np.median(sample.latencies_ms)) if sample.latencies_ms else math.nan


def _is_whole(sample: Sample) -> bool:
    return sample.errors == 0 and bool(sample.latencies_ms) and sample.seconds > 0


def throughput(sample: Sample) -> float:
    """Answered requests a second."""
    return len(sample.latencies_ms) / sample.seconds if sample.seconds > 0 else 0.0


def _median(figures: Sequence[float]) -> float:
    return float(np.median(figures)) if figures else math.nan
