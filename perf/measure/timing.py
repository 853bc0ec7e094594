"""Timing several ways to do one thing, fairly: interleaved, in one run, warm-up left out."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

Leg = Callable[[], object]


@dataclass(frozen=True)
class Timing:
    """Seconds of one leg's rounds."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The p50, in seconds."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """The interquartile range as a share of the median."""
        lower, _, upper = statistics.quantiles(self.seconds, n=4)
        return (upper - lower) / self.median


def interleave(
    legs: Mapping[str, Leg],
    rounds: int,
    warmup: int = 2,
    progress: Callable[[str], None] = lambda line: None,
    *,
    burst: int = 1,
) -> dict[str, Timing]:
    """Runs every leg once a round, in turns, so a slow minute hurts all of them.

    Args:
        legs: name -> one run.
        rounds: measured rounds, at least 2.
        warmup: rounds that are not measured.
        progress: gets a line a round.
        burst: measured runs of a leg in its turn; their median counts. If there are several, one
            unmeasured run comes first: otherwise, with runs of a few milliseconds, it would matter
            which leg finds the caches full of another's data.
    """
    seconds: dict[str, list[float]] = {name: [] for name in legs}
    for number in range(-warmup, rounds):
        for name, leg in legs.items():
            if burst > 1:
                leg()
            turn = statistics.median(_seconds(leg) for _ in range(burst))
            if number >= 0:
                seconds[name].append(turn)
        progress(f"round {number + 1} of {rounds}" if number >= 0 else "warm-up")
    return {name: Timing(tuple(values)) for name, values in seconds.items()}


def _seconds(leg: Leg) -> float:
    start = time.perf_counter()
    leg()
    return time.perf_counter() - start


def ratios(numerator: Timing, denominator: Timing) -> Timing:
    """Round by round, one leg's time over another's."""
    pairs = zip(numerator.seconds, denominator.seconds, strict=True)
    return Timing(tuple(above / below for above, below in pairs))


def throughput(leg: Leg, requests: int, concurrency: int) -> tuple[float, int]:
    """Requests answered a second with a number of them always under way, and the errors."""
    errors = 0

    def once(_: int) -> None:
        nonlocal errors
        try:
            leg()
        except Exception:
            # Whatever goes wrong under load is counted and reported, not raised.
            errors += 1

    with ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(once, range(concurrency)))
        errors = 0
        start = time.perf_counter()
        list(pool.map(once, range(requests)))
        return requests / (time.perf_counter() - start), errors
