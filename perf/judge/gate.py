"""The regression gate: has a later result become worse than a baseline, beyond a bound?

Only ratios are compared, so the baseline may come from another machine: each leg's figure is taken
relative to a reference leg (see :mod:`perf.judge.references`), round by round, and the ratio now is
held against the ratio then.

A slowdown of every leg shows in no ratio. A ratio also rises if its reference becomes faster; the
closing sentence says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from perf.errors import PerfError
from perf.judge.estimate import Estimate, What, change, log_ratios, mean
from perf.judge.references import Key, Legs, absent, figures_of, legs_of, reference_of
from perf.result import Leg, LegResult, Result
from repository.table import TIE, Column, Table

State = Literal["ok", "worse", "unclear", "missing"]
"""``ok``: within the bound, with confidence. ``worse``: beyond it, with confidence. ``unclear``:
the rounds vary too much to say either. ``missing``: the baseline has a figure, the result none."""

CONFIDENCE = 0.95
"""Of the interval of each change."""

FALSE_ALARMS = 0.05
"""The family-wise false-alarm rate: how often all comparisons of a gate, taken together, find
something worse where nothing is. Of forty intervals of 95 % each one often lies beyond any bound by
chance, so ``worse`` also needs Bonferroni's correction: each comparison gets a share of it."""

NOTHING = Estimate(math.nan, 0.0, math.inf)


@dataclass(frozen=True)
class Outcome:
    """One figure of one leg, then and now.

    Attributes:
        load: the load, and the loader.
        what: leg, reference and figure; a leg alone where there is nothing to compare.
        baseline: the leg's figure as a multiple of its reference's, in the baseline.
        now: the same in the result.
        change: how many times worse it became: above one is slower, or less throughput.
        state: what follows.
        note: why there is no figure, or why it is unclear; empty otherwise.
    """

    load: str
    what: str
    baseline: Estimate
    now: Estimate
    change: Estimate
    state: State
    note: str = ""


@dataclass(frozen=True)
class _Comparison:
    """A figure of two legs, in the baseline and in the result."""

    figure: What
    then: tuple[LegResult, LegResult]
    now: tuple[LegResult, LegResult]

    def judge(self, bound: float, confidence: float) -> Outcome:
        """The outcome; ``confidence`` is what it takes to be worse."""
        then, now = (log_ratios(*pair, self.figure) for pair in (self.then, self.now))
        # More latency is worse, and less throughput is worse: there, then and now change places.
        sides = (now, then) if self.figure == "throughput" else (then, now)
        changed = change(*sides, CONFIDENCE)
        state: State = "unclear"
        note = ""
        if changed.high <= 1 + bound:
            state = "ok"
        elif change(*sides, confidence).low > 1 + bound:
            state = "worse"
        elif not changed.known:
            note = "fewer than two rounds with both legs"
        elif changed.low > 1 + bound:
            note = "beyond the bound, but among so many comparisons chance alone does that"
        leg, reference = (each.leg for each in self.then)
        return Outcome(
            _load(leg),
            f"{_name(leg)} / {_name(reference)}, {self.figure}",
            mean(then, CONFIDENCE),
            mean(now, CONFIDENCE),
            changed,
            state,
            note,
        )


def gate(baseline: Result, result: Result, bound: float) -> list[Outcome]:
    """Compares a result with a baseline; legs that only the result has are left out.

    Args:
        baseline: measured anywhere.
        result: of the same pipeline with the same inputs; counts and rounds may differ.
        bound: the share by which a ratio may become worse: with 0.1 up to 1.10 times passes.

    Raises:
        PerfError: the two cannot be compared, or the bound is not a share.
    """
    _comparable(baseline, result, bound)
    then, now = legs_of(baseline), legs_of(result)
    found = [each for key in then for each in _examined(key, then, now)]
    if not found:
        raise PerfError(
            "The gate found nothing to compare: the baseline has no two legs under the same load "
            "and loader. Measure at least the modes ensemble and in-process."
        )
    tests = sum(isinstance(each, _Comparison) for each in found)
    # Two-sided, and only the lower end raises an alarm.
    confidence = max(CONFIDENCE, 1 - 2 * FALSE_ALARMS / max(tests, 1))
    return [
        each.judge(bound, confidence) if isinstance(each, _Comparison) else each for each in found
    ]


def passed(outcomes: Sequence[Outcome], strict: bool = False) -> bool:
    """Whether nothing is worse or missing; if strict, also nothing unclear."""
    failing = {"worse", "missing", "unclear"} if strict else {"worse", "missing"}
    return not any(each.state in failing for each in outcomes)


def table(outcomes: Sequence[Outcome]) -> Table:
    """The outcomes for a terminal, a line each, by load."""
    rows: list[tuple[str, ...]] = []
    for load in dict.fromkeys(each.load for each in outcomes):
        rows.append((load, "", "", "", ""))
        for each in (each for each in outcomes if each.load == load):
            figures = (
                "-" if math.isnan(figure.value) else str(figure)
                for figure in (each.baseline, each.now, each.change)
            )
            state = f"{each.state}: {each.note}" if each.note else each.state
            rows.append((f"{TIE}{TIE}{each.what}", *figures, state))
    columns = (
        Column(""),
        Column("baseline"),
        Column("now"),
        Column("times worse"),
        Column("state", folds=True),
    )
    return Table(columns, rows)


def conclusion(outcomes: Sequence[Outcome]) -> str:
    """One sentence for all of them, and what to do."""
    states = [each.state for each in outcomes]
    worse, missing, unclear = (states.count(s) for s in ("worse", "missing", "unclear"))
    if worse or missing:
        hint = (
            " A ratio also rises when its reference became faster; if that is why, make this "
            "result the new baseline."
        )
        return (
            f"The gate fails: of {len(states)} figures {worse} are worse, {missing} missing, "
            f"{unclear} unclear.{hint if worse else ''}"
        )
    if unclear:
        return (
            f"No figure is worse beyond the bound, but {unclear} of {len(states)} are unclear, "
            "which is not a pass: measure more rounds, or on a quieter machine."
        )
    return f"The gate passes: all {len(states)} figures are within the bound."


def remarks(baseline: Result, result: Result) -> list[str]:
    """What differs between the two without deciding anything, a sentence each."""
    found = []
    then, now = baseline.machine, result.machine
    if (then.processor, then.cores) != (now.processor, now.cores):
        found.append(
            f"The baseline is from another machine ({then.processor}, {then.cores} cores; here "
            f"{now.processor}, {now.cores} cores): ratios carry over only as far as both have "
            "cores to spare alike."
        )
    added = [str(leg.leg) for key, leg in legs_of(result).items() if key not in legs_of(baseline)]
    if added:
        found.append(f"Not in the baseline, so not compared: {'; '.join(added)}.")
    if result.unfinished:
        found.append(f"The result ended early: {result.unfinished}")
    return found


def _comparable(baseline: Result, result: Result, bound: float) -> None:
    """Refuses what would be no comparison."""
    if not (math.isfinite(bound) and bound >= 0):
        raise PerfError(f"The bound is {bound}; expected a share of zero or more, such as 0.1.")
    if baseline.pipeline != result.pipeline:
        raise PerfError(
            f"The baseline is of the pipeline '{baseline.pipeline}' and the result of "
            f"'{result.pipeline}', so nothing can be compared. Give two results of one pipeline."
        )
    if _named(baseline.scenario.get("requests")) != _named(result.scenario.get("requests")):
        raise PerfError(
            f"The two results of '{result.pipeline}' were measured with different requests, so "
            "nothing can be compared. Measure with the scenario of the baseline."
        )


def _named(requests: object) -> object:
    """A scenario's requests with the names of their files, whose folders differ by machine."""
    if isinstance(requests, list):
        return [_named(each) for each in requests]
    if isinstance(requests, dict):
        return {
            key: PurePath(each).name if key == "file" and isinstance(each, str) else _named(each)
            for key, each in requests.items()
        }
    return requests


def _examined(key: Key, then: Legs, now: Legs) -> Iterator[Outcome | _Comparison]:
    """What there is to say of one leg of the baseline."""
    before, after = then[key], now.get(key)
    if reason := absent(before):
        yield _without(before, "unclear", f"the baseline has no figure: {reason}")
        return
    if after is None or (reason := absent(after)):
        yield _without(before, "missing", f"the result has no figure: {absent(after)}")
        return
    if _errors(after) > 2 * _errors(before):
        error = next((each.first_error for each in after.rounds if each.first_error), "")
        note = f"{_errors(after):.1%} of the requests fail, {_errors(before):.1%} before: {error}"
        yield _without(before, "worse", note)
    other = reference_of(key, then)
    if other is None:
        if key.mode != "in-process":
            yield _without(before, "unclear", "the baseline has no leg to hold it against")
        return
    if other not in now or absent(now[other]):
        note = f"the result has no figure of {then[other].leg} to hold it against"
        yield _without(before, "unclear", note)
        return
    pairs = (before, then[other]), (after, now[other])
    for figure in figures_of(before.leg, [*pairs[0], *pairs[1]], then):
        yield _Comparison(figure, *pairs)


def _without(leg: LegResult, state: State, note: str) -> Outcome:
    return Outcome(_load(leg.leg), _name(leg.leg), NOTHING, NOTHING, NOTHING, state, note)


def _errors(leg: LegResult) -> float:
    """The share of requests that failed, of a leg that answered some."""
    errors = max(leg.errors, 0)
    return errors / (errors + sum(len(each.latencies_ms) for each in leg.rounds))


def _load(leg: Leg) -> str:
    return f"{leg.load} ({leg.loader})"


def _name(leg: Leg) -> str:
    """A leg without its load and loader."""
    http = " over HTTP" if leg.protocol == "http" else ""
    shared = " with shared memory" if leg.shared_memory != "none" else ""
    return f"{leg.mode}{http}{shared}"
