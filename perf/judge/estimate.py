"""Ratios of legs, with confidence intervals that are honest after two to ten rounds.

The rounds of two legs are paired by number, because what slows a machine for a minute slows both
legs of a round, and the ratio within the round hardly notices. Ratios multiply, so everything is
done on their logarithms: a ratio and its inverse are then equally far from one, and a value is a
geometric mean.

The interval is Student's t on those logarithms. A bootstrap over three rounds can draw only ten
different samples, none wider than what was seen, so its 95 % interval covers the truth in about
three runs of four; Student's t knows that the spread itself is a guess. The tests hold both to
simulations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from perf.result import LegResult, Round

What = Literal["p50", "p90", "p99", "throughput"]
"""Latency percentiles in milliseconds (less is better); answered requests a second (more is)."""

FIGURES: dict[What, Callable[[Round], float]] = {
    "p50": lambda each: each.percentile(50),
    "p90": lambda each: each.percentile(90),
    "p99": lambda each: each.percentile(99),
    "throughput": lambda each: each.throughput,
}
"""How each figure is taken from one round."""


@dataclass(frozen=True)
class Estimate:
    """A ratio with its confidence interval.

    Attributes:
        value: the geometric mean; NaN if there was nothing to take it from.
        low: the interval's lower end; 0 when the spread is not known.
        high: its upper end; infinite when the spread is not known.
    """

    value: float
    low: float
    high: float

    @property
    def known(self) -> bool:
        """Whether there is an interval: of one round nothing can be concluded."""
        return math.isfinite(self.value) and self.low > 0 and math.isfinite(self.high)

    @property
    def excludes_one(self) -> bool:
        """Whether the two sides differ, as far as the confidence goes."""
        return self.low > 1 or self.high < 1

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "no figure"
        if not self.known:
            return f"{self.value:.2f} (spread not known)"
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def ratio(
    numerator: LegResult, denominator: LegResult, what: What = "p50", confidence: float = 0.95
) -> Estimate:
    """How many times one leg's figure is another's.

    With fewer than two pairs of rounds the interval is (0, infinity), which proves nothing.

    Args:
        what: the figure. For latencies, a ratio above one says that the denominator is faster; for
            throughput, that the numerator is.
        confidence: the share of runs in which the interval covers the true ratio.
    """
    return mean(log_ratios(numerator, denominator, what), confidence)


def log_ratios(numerator: LegResult, denominator: LegResult, what: What) -> list[float]:
    """The logarithm of the ratio in each round that both legs have; rounds without a usable figure
    in either (no answers) are left out."""
    above, below = _figures(numerator, what), _figures(denominator, what)
    return [math.log(above[n]) - math.log(below[n]) for n in sorted(above.keys() & below.keys())]


def mean(logs: Sequence[float], confidence: float = 0.95) -> Estimate:
    """The geometric mean behind some logarithms, by Student's t."""
    if len(logs) < 2:
        return Estimate(_exp(logs[0]) if logs else math.nan, 0.0, math.inf)
    error = float(np.var(logs, ddof=1)) / len(logs)
    return _around(float(np.mean(logs)), error, len(logs) - 1, confidence)


def change(before: Sequence[float], after: Sequence[float], confidence: float = 0.95) -> Estimate:
    """How many times the geometric mean has grown, of two sets of logarithms measured apart.

    By Welch's t test, since two machines need not be equally steady: the degrees of freedom are
    Satterthwaite's (B. L. Welch, Biometrika 34, 1947), a fraction.
    """
    if not before or not after:
        return Estimate(math.nan, 0.0, math.inf)
    difference = float(np.mean(after) - np.mean(before))
    if len(before) < 2 or len(after) < 2:
        return Estimate(_exp(difference), 0.0, math.inf)
    errors = [float(np.var(logs, ddof=1)) / len(logs) for logs in (before, after)]
    error = sum(errors)
    weights = [
        (part / error) ** 2 / (len(logs) - 1) if error > 0 else 0.0
        for part, logs in zip(errors, (before, after), strict=True)
    ]
    degrees = 1 / sum(weights) if error > 0 else len(before) + len(after) - 2
    return _around(difference, error, degrees, confidence)


@lru_cache(maxsize=1024)
def student_quantile(confidence: float, degrees: float) -> float:
    """How many standard errors to either side hold so much of Student's t.

    With t = sqrt(degrees) * tan(angle), the density is cos(angle) ** (degrees - 1) (Abramowitz and
    Stegun, 26.7), which is summed over a fine grid. Good to four digits for degrees >= 1, which
    need not be whole, and a confidence up to 0.9999.
    """
    angles = np.linspace(0, math.pi / 2, 4001)
    density = np.cos(angles).clip(0) ** (degrees - 1)
    share = np.concatenate(([0.0], np.cumsum((density[1:] + density[:-1]) / 2)))
    angle = float(np.interp(confidence, share / share[-1], angles))
    return math.sqrt(degrees) * math.tan(angle)


def _around(centre: float, error: float, degrees: float, confidence: float) -> Estimate:
    """From a mean of logarithms and its squared standard error."""
    reach = student_quantile(confidence, degrees) * math.sqrt(error)
    return Estimate(_exp(centre), _exp(centre - reach), _exp(centre + reach))


def _exp(value: float) -> float:
    """The exponential, infinite if a float cannot hold it: two rounds can be that uncertain."""
    return math.exp(value) if value < 700 else math.inf


def _figures(leg: LegResult, what: What) -> dict[int, float]:
    """Round number -> its figure, where it is a number above zero."""
    figures = {each.number: FIGURES[what](each) for each in leg.rounds}
    return {n: figure for n, figure in figures.items() if math.isfinite(figure) and figure > 0}
