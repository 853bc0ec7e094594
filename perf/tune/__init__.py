"""How one model is served best on this machine: instances, threads, batches, queue delay.

:func:`tune` measures settings of one model on a real server within a budget of time, alone or
through a pipeline; :func:`save` writes the winner as a part of a profile, and the table that
justifies it. The present settings stay unless others are better with confidence.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from perf.errors import LegFailed, PerfError
from perf.scenario import Scenario
from perf.tune.measure import Bench, seconds_for
from perf.tune.patch import refuse_foreign
from perf.tune.row import Objective, Row
from perf.tune.search import BUDGET, LATE, Search
from perf.tune.servers import Servers
from perf.tune.settings import Settings, read
from perf.tune.space import Block, Bounds, blocks, objections
from perf.tune.subject import Subject, find, find_scenario
from perf.tune.tuned import INTERRUPTED, Tuned, save
from repository.manifest import ManifestError, read_manifest
from repository.release import RELEASES, Release, release
from runtime.machine.environment import ServerEnvironment

__all__ = ["Objective", "Tuned", "find_scenario", "refuse_foreign", "save", "tune"]

SERVER = "24.10"
"""The release of the local server, for a repository whose manifest does not say its own."""


def tune(
    repository: Path,
    model: str,
    scenario: Scenario,
    *,
    pipeline: str | None = None,
    budget_seconds: float = 120.0,
    concurrency: int = 4,
    objective: Objective = "throughput",
    crowded: bool = False,
    loader: str | None = None,
    measurement_seconds: float | None = None,
    report: Callable[[str], None] = lambda line: None,
    environment: ServerEnvironment | None = None,
) -> Tuned:
    """Looks for better settings of one model.

    Args:
        repository: a built repository; it is only read.
        model: which; no ensemble.
        scenario: the requests to its pipeline; what the model gets of them is found out by
            running the pipeline in this process.
        pipeline: measure through it, instead of the model alone.
        budget_seconds: for everything, to within one measurement.
        concurrency: requests under way at a time.
        objective: what shall be better.
        crowded: tries more threads than the cores can carry, too.
        loader: "perf_analyzer" or "loader"; None is the first if it is there.
        measurement_seconds: that one measurement of the present settings shall take; None is a
            part of the budget.
        report: gets a line for each measurement.
        environment: the server environment; the project's own by default.

    Returns:
        What was measured, also when Ctrl-C ended it.

    Raises:
        PerfError: the model cannot be tuned, the scenario does not fit, the present settings do
            not work, or the budget is too small to compare anything.
    """
    started = time.monotonic()
    subject = find(repository, model, scenario, pipeline)
    present = read(subject.config)
    space = blocks(present, Bounds(concurrency * subject.calls, subject.rows, crowded=crowded))
    if not space:
        raise PerfError(
            f"There is nothing to set of '{model}': it has several instance groups, or one of "
            "another kind than KIND_CPU and KIND_GPU, no threads and no batches."
        )
    if scenario.note:
        report(scenario.note)
    report(f"present settings: {present}")
    with Servers(repository, subject, environment) as servers:
        seconds = measurement_seconds or seconds_for(budget_seconds)
        bench = Bench(servers, subject, concurrency, seconds, loader)
        search = Search(
            present,
            bench.measure,
            objective,
            started + budget_seconds,
            refuse=lambda settings: _refuse(subject, settings, _release(repository)),
            report=lambda line: report(f"{time.monotonic() - started:4.0f} s  {line}"),
        )
        winner = _run(search, bench, space)
    _demand_something(search, budget_seconds, time.monotonic() - started)
    return Tuned(
        model=model,
        called=subject.called,
        config=subject.config,
        objective=objective,
        concurrency=concurrency,
        loader=bench.loader,
        count=bench.count,
        rows=tuple(search.rows),
        winner=winner,
        ended=search.ended,
        seconds=time.monotonic() - started,
    )


def _run(search: Search, bench: Bench, space: list[Block]) -> Row | None:
    """Searches; what ends it early is kept beside what is known by then."""
    try:
        bench.probe(search.present)
        return search.run(space)
    except KeyboardInterrupt:
        if not search.rows[0].samples:
            raise
        search.ended = INTERRUPTED
    except LegFailed as problem:
        if not search.rows[0].samples:
            raise
        search.ended = str(problem)
    return None


def _refuse(subject: Subject, settings: Settings, target: Release) -> str | None:
    return "; ".join(objections(subject.config, settings, target)) or None


def _release(repository: Path) -> Release:
    try:
        name = str(read_manifest(repository).target.get("triton"))
    except (ManifestError, OSError):
        name = SERVER
    return release(name if name in RELEASES else SERVER)


def _demand_something(search: Search, budget: float, seconds: float) -> None:
    short = search.ended == BUDGET or any(row.failure == LATE for row in search.rows)
    if short and not any(row.samples for row in search.rows[1:]):
        raise PerfError(
            f"The budget of {budget:.0f} s is too small: after {seconds:.0f} s nothing but the "
            f"present settings was measured. Give at least {5 * max(seconds, budget):.0f} s."
        )
