"""The cold starts of a comparison."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

from perf.compare.progress import Progress
from perf.compare.services import Services
from perf.errors import PerfError
from perf.measure import cold_start
from perf.result import ColdStart, Mode
from perf.scenario import Scenario


def cold_starts(
    scenario: Scenario, repository: Path | None, progress: Progress
) -> tuple[ColdStart, ...]:
    """Times the starts of one Triton with the pipeline, of the services, and in process.

    Args:
        scenario: says which modes, and how many starts.
        repository: the built model repository; without it there are none.
        progress: is told a line of each, also of one that failed.
    """
    starts = scenario.cold_starts
    if not starts or repository is None:
        return ()
    pipeline = scenario.pipeline
    ways: dict[Mode, Callable[[], ColdStart]] = {
        "ensemble": lambda: cold_start.cold_start(repository, [pipeline], starts),
        "services": lambda: _services_cold_start(repository, pipeline, starts),
        "in-process": lambda: cold_start.cold_start_in_process(repository, pipeline, starts),
    }
    made = []
    for mode in (each for each in ways if each in scenario.modes):
        try:
            made.append(ways[mode]())
            seconds = statistics.median(made[-1].seconds)
            progress.line(f"cold start of {mode}: {seconds:.3g} s, the median of {starts}")
        except PerfError as problem:
            progress.line(f"cold start of {mode}: failed: {problem}")
    return tuple(made)


def _services_cold_start(repository: Path, pipeline: str, starts: int) -> ColdStart:
    seconds = []
    for _ in range(starts):
        services = Services(repository, pipeline)
        began = time.perf_counter()
        with services:
            seconds.append(time.perf_counter() - began)
    return ColdStart(mode="services", seconds=tuple(seconds))
