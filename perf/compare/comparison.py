"""Compares the ways to serve a pipeline: starts them, measures in rounds, writes the result.

The result is written anew after every measurement, so that whatever ends a comparison, what was
measured is there; until it is complete it says that it is not.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perf.compare import plan, preflight
from perf.compare.legs.meter import measure
from perf.compare.legs.start import Address, Targets
from perf.compare.progress import Progress
from perf.compare.record import Record
from perf.compare.rounds import Board, fail_modes, run_rounds
from perf.compare.starts import cold_starts
from perf.errors import AnalyzerMissing, PerfError
from perf.measure.inputs import labels, requests_of
from perf.result import Leg, Mode, Result, Round
from perf.scenario import Scenario
from repository.config.facts import is_decoupled, is_ensemble
from repository.layout import FUSED_SUFFIX

if TYPE_CHECKING:
    from perf.measure.analyzer import Analyzer

OWN_PROCESSES: tuple[Mode, ...] = ("services", "services-kserve", "in-process")
"""Modes that no running server has."""

SINGLE: tuple[Mode, ...] = ("ensemble", "in-process")
"""Modes of a pipeline that is a single model: as it is served, and without a server."""


@dataclass(frozen=True)
class Subject:
    """Where the pipeline is.

    Attributes:
        repository: the built model repository; None beside an address, if none was given.
        address: of a server that runs already, to be measured instead of one that is started.
    """

    repository: Path | None
    address: Address | None = None


def compare(
    scenario: Scenario, subject: Subject, folder: Path, progress: Progress, *, seed: int = 0
) -> Result:
    """Measures every leg of a scenario.

    Args:
        scenario: what to measure.
        subject: where the pipeline is.
        folder: for ``result.json``; it is made if it is missing.
        progress: hears how it goes.
        seed: of the order of the legs and of arrival times.

    Returns:
        the result, as it is in the folder.

    Raises:
        ScenarioError: the scenario or its inputs do not fit the pipeline.
        PerfError: nothing could be measured.
        Interrupted: by Ctrl-C.
    """
    if scenario.note:
        progress.line(scenario.note)
    scenario, left_out = _possible(scenario, subject)
    for sentence in left_out:
        progress.line(sentence)
    config = _config(scenario, subject)
    single = not is_ensemble(config)
    if single:
        scenario = _single(scenario, progress)
    if is_decoupled(config) and scenario.variants:
        progress.line(
            f"left out: {', '.join(scenario.variants)}; '{scenario.pipeline}' answers in pieces "
            "(decoupled), which HTTP and shared memory have no form for"
        )
        scenario = scenario.but(variants=[])
    requests = requests_of(scenario, config)
    analyzer, missing = _analyzer()
    if missing:
        progress.line(f"perf_analyzer is not to be had, so the loader drives all legs: {missing}")
    folder.mkdir(parents=True, exist_ok=True)
    record = Record(_first_result(scenario, subject, single), folder / "result.json", progress)
    board = Board(plan.legs_of(scenario, analyzer=analyzer is not None))
    started = Targets(
        config,
        scenario.modes,
        requests,
        subject.repository,
        subject.address,
        analyzer,
        scenario.timeout_seconds,
        progress.line,
    )
    with record.kept(board):
        with started as targets:
            record.add(software=_software(targets.server_version, analyzer, missing))
            progress.line("sending each request to each mode, and comparing the outputs")
            failures = targets.failures | preflight.agree(
                targets.running, labels(scenario), scenario.varying
            )
            for mode, sentence in failures.items():
                progress.line(f"{mode}: left out: {sentence}")
            fail_modes(board, failures)
            reference = plan.reference(scenario, analyzer=analyzer is not None)

            def one(leg: Leg, number: int) -> Round:
                # With one seed, requests arrive at the same times in every round and every mode.
                effort = plan.effort(scenario, leg, seed)
                return measure(targets.running[leg.mode], leg, number, effort)

            def rates(board: Board) -> list[Leg]:
                throughput = board.throughput(reference)
                if throughput is None:
                    if reference is not None:
                        progress.line(f"no request rates: {reference} was not measured")
                    return []
                legs = plan.rate_legs(scenario, throughput, analyzer=analyzer is not None)
                return [leg for leg in legs if leg.mode not in failures]

            def measured(line: str) -> None:
                record.save(board)
                progress.line(line)

            run_rounds(
                board,
                one,
                rounds=scenario.rounds,
                more=rates,
                began=record.began,
                measured=measured,
                seed=seed,
            )
        record.began("the cold starts", 1, 1)
        record.add(cold_starts=cold_starts(scenario, subject.repository, progress))
    return record.result


def _possible(scenario: Scenario, subject: Subject) -> tuple[Scenario, list[str]]:
    """The scenario without what the repository or the server does not have, and sentences on it."""
    fused = scenario.pipeline + FUSED_SUFFIX
    repository = subject.repository
    if "fused" in scenario.modes and repository is not None and not (repository / fused).is_dir():
        others = [mode for mode in scenario.modes if mode != "fused"]
        sentence = f"left out: fused; {repository} has no '{fused}' (fuse: beside builds it)"
        if not others:
            raise PerfError(f"Nothing is left to measure: {sentence}.", arguments=("modes",))
        scenario, more = _possible(scenario.but(modes=others), subject)
        return scenario, [sentence, *more]
    if subject.address is None or subject.repository is not None:
        return scenario, []
    dropped = [mode for mode in scenario.modes if mode in OWN_PROCESSES]
    kept = [mode for mode in scenario.modes if mode not in OWN_PROCESSES]
    told = []
    if dropped:
        told.append(f"left out: {', '.join(dropped)}; they need the model repository too")
    if scenario.cold_starts:
        told.append("left out: cold starts; they need the model repository too")
    if not kept:
        raise PerfError(f"Nothing is left to measure: {told[0]}.", arguments=("repository",))
    return scenario.but(modes=kept, cold_starts=0), told


def _single(scenario: Scenario, progress: Progress) -> Scenario:
    """The scenario of a pipeline that is one model: there are no steps to be served apart."""
    kept = [mode for mode in scenario.modes if mode in SINGLE]
    dropped = [mode for mode in scenario.modes if mode not in SINGLE]
    if dropped:
        progress.line(f"left out: {', '.join(dropped)}; '{scenario.pipeline}' is a single model")
    if not kept:
        raise PerfError(
            f"Nothing is left to measure: '{scenario.pipeline}' is a single model, which can be "
            f"served ({SINGLE[0]}) or run {SINGLE[1]}.",
            arguments=("modes",),
        )
    return scenario.but(modes=kept)


def _config(scenario: Scenario, subject: Subject) -> Any:
    if subject.address is not None:
        return preflight.config_from(subject.address.grpc, scenario.pipeline)
    assert subject.repository is not None
    return preflight.config_in(subject.repository, scenario.pipeline)


def _analyzer() -> tuple[Analyzer | None, str]:
    from perf.measure.analyzer import find

    try:
        return find(), ""
    except AnalyzerMissing as problem:
        return None, str(problem)


def _software(server: str | None, analyzer: Analyzer | None, missing: str) -> dict[str, str]:
    from perf.measure.machine import software

    found = f"{analyzer.version} ({analyzer.origin})" if analyzer is not None else missing
    return software(triton=server) | {"perf_analyzer": found}


def _first_result(scenario: Scenario, subject: Subject, single: bool) -> Result:
    from perf.measure.machine import machine

    return Result(
        pipeline=scenario.pipeline,
        single=single,
        started=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        repository=_digest(subject.repository),
        scenario=scenario.model_dump(mode="json", exclude_none=True),
        machine=machine(),
        software={},
        spread_limit=scenario.spread_limit,
        legs=(),
        unfinished="nothing was measured yet",
    )


def _digest(repository: Path | None) -> str | None:
    from repository.manifest import ManifestError, read_manifest

    if repository is None:
        return None
    try:
        return read_manifest(repository).digest
    except ManifestError:
        return None
