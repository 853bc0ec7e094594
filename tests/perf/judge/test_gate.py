"""The regression gate: what it finds, what it must not find, and what it refuses."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf.judge.gate import FALSE_ALARMS, Outcome, conclusion, gate, passed, table
from perf.result import Leg, LegResult, Load, Loader, Machine, Mode, Result, Round

ONE, FOUR = Load(kind="concurrency", value=1), Load(kind="concurrency", value=4)
SPEEDS: dict[Mode, float] = {
    "ensemble": 110.0,
    "bls": 115.0,
    "services": 150.0,
    "in-process": 100.0,
}
BOUND = 0.1


def leg(mode: Mode, at: Load = ONE, loader: Loader = "loader", **options: str) -> Leg:
    return Leg.model_validate({"mode": mode, "load": at, "loader": loader, **options})


LEGS = [leg(mode, at) for mode in SPEEDS for at in (ONE, FOUR)] + [
    leg(mode, at, "perf_analyzer") for mode in ("ensemble", "bls", "services") for at in (ONE, FOUR)
]


def made(
    seed: int = 0,
    noise: float = 0.01,
    rounds: int = 4,
    slower: Callable[[Leg], float] = lambda _: 1.0,
    machine: float = 1.0,
    requests: int = 3,
    legs: list[Leg] = LEGS,
) -> Result:
    """A result by a model: each round of a leg is its mode's time, lognormal noise of its own, and
    a slow or quick minute that all legs of the round share."""
    rng = np.random.default_rng(seed)
    minutes = np.exp(rng.normal(0, 0.2, rounds))
    results = []
    for each in legs:
        times = SPEEDS[each.mode] * slower(each) * machine * minutes
        times = times * np.exp(rng.normal(0, noise, rounds)) * math.sqrt(each.load.value)
        results.append(
            LegResult(
                leg=each,
                rounds=tuple(
                    Round(
                        number=number,
                        latencies_ms=(float(time),) * requests,
                        seconds=requests * float(time) / 1000 / each.load.value,
                    )
                    for number, time in enumerate(times)
                ),
            )
        )
    return Result(
        pipeline="ocr",
        started="2026-01-01T00:00:00Z",
        repository=None,
        scenario={"requests": [{"image": {"file": "pages/a.png", "value": None}}]},
        machine=Machine(system="Linux", processor="x", cores=2, memory_gib=8, load_before=0),
        software={},
        spread_limit=0.2,
        legs=tuple(results),
    )


def with_legs(result: Result, change: Callable[[LegResult], LegResult | None]) -> Result:
    """The result with each leg changed, or left out where it is None."""
    legs = tuple(new for each in result.legs if (new := change(each)) is not None)
    return result.model_copy(update={"legs": legs})


def states(outcomes: list[Outcome], contains: str = "") -> list[str]:
    return [each.state for each in outcomes if contains in each.what]


BASELINE = made(seed=1)


def test_the_same_again_passes() -> None:
    for result in (BASELINE, made(seed=2)):
        outcomes = gate(BASELINE, result, BOUND)
        assert set(states(outcomes)) == {"ok"}
        assert passed(outcomes, strict=True)
        assert conclusion(outcomes) == "The gate passes: all 18 figures are within the bound."


def slow_ensemble(at: Leg) -> float:
    return 1.4 if at.mode == "ensemble" else 1.0


def test_a_slower_ensemble_is_caught_under_both_loaders() -> None:
    outcomes = gate(BASELINE, made(seed=2, slower=slow_ensemble), BOUND)
    assert set(states(outcomes, "ensemble / in-process")) == {"worse"}
    assert set(states(outcomes, "ensemble / services")) == {"worse"}
    assert set(states(outcomes, "bls / in-process")) == {"ok"}
    assert set(states(outcomes, "services / ensemble")) == {"ok"}
    assert not passed(outcomes)
    worse = next(each for each in outcomes if each.state == "worse")
    assert worse.change.low <= 1.4 <= worse.change.high
    assert worse.now.value / worse.baseline.value == pytest.approx(worse.change.value)


@pytest.mark.parametrize("loader", ["loader", "perf_analyzer"])
def test_a_slower_ensemble_is_caught_by_either_loader_alone(loader: Loader) -> None:
    legs = [each for each in LEGS if each.loader == loader]
    outcomes = gate(made(1, legs=legs), made(2, legs=legs, slower=slow_ensemble), BOUND)
    assert "worse" in states(outcomes, "ensemble / ")


def test_a_faster_ensemble_is_not_worse_and_the_conclusion_says_why_others_are() -> None:
    result = made(seed=2, slower=lambda at: 0.7 if at.mode == "ensemble" else 1.0)
    outcomes = gate(BASELINE, result, BOUND)
    assert set(states(outcomes, "ensemble / ")) == {"ok"}
    assert set(states(outcomes, "/ in-process")) == {"ok"}
    assert set(states(outcomes, "services / ensemble")) == {"worse"}
    assert "its reference became faster" in conclusion(outcomes)


def test_less_throughput_alone_is_worse() -> None:
    def stalls(each: LegResult) -> LegResult:
        if (each.leg.mode, each.leg.load) != ("bls", FOUR):
            return each
        rounds = tuple(r.model_copy(update={"seconds": 2 * r.seconds}) for r in each.rounds)
        return each.model_copy(update={"rounds": rounds})

    outcomes = gate(BASELINE, with_legs(made(seed=2), stalls), BOUND)
    worse = [each for each in outcomes if each.state == "worse"]
    assert [each.what for each in worse] == [
        "bls / in-process, throughput",
        "bls / ensemble, throughput",
    ]
    assert worse[0].change.value == pytest.approx(2, rel=0.1)
    assert worse[0].now.value == pytest.approx(worse[0].baseline.value / 2, rel=0.1)


def test_a_p99_is_compared_where_every_round_has_requests_enough() -> None:
    def tail(each: LegResult) -> LegResult:
        if each.leg.mode != "ensemble":
            return each
        rounds = tuple(
            r.model_copy(update={"latencies_ms": (*r.latencies_ms[:-5], *[9e4] * 5)})
            for r in each.rounds
        )
        return each.model_copy(update={"rounds": rounds})

    enough = made(1, requests=200, legs=LEGS[:8])
    outcomes = gate(enough, with_legs(made(2, requests=200, legs=LEGS[:8]), tail), BOUND)
    assert set(states(outcomes, "ensemble / in-process, p99")) == {"worse"}
    assert set(states(outcomes, "p50")) == {"ok"}
    assert not states(gate(enough, made(2, requests=199, legs=LEGS[:8]), BOUND), "p99")


def test_a_huge_spread_is_unclear_which_is_no_strict_pass() -> None:
    result = made(seed=3, noise=0.6, slower=slow_ensemble)
    outcomes = gate(BASELINE, result, BOUND)
    assert set(states(outcomes, "ensemble / in-process, p50")) == {"unclear"}
    assert passed(outcomes)
    assert not passed(outcomes, strict=True)
    assert "not a pass" in conclusion(outcomes)


def test_one_round_is_unclear() -> None:
    outcomes = gate(BASELINE, made(seed=2, rounds=1, slower=slow_ensemble), BOUND)
    assert set(states(outcomes)) == {"unclear"}
    assert all("fewer than two rounds" in each.note for each in outcomes)


@settings(max_examples=25, deadline=None)
@given(
    st.floats(min_value=0.001, max_value=1000),
    st.sampled_from([0.01, 0.1, 0.3]),
    st.integers(0, 100),
)
def test_a_faster_or_slower_machine_changes_nothing(factor: float, noise: float, seed: int) -> None:
    legs = LEGS[:4] + LEGS[6:8]
    here = gate(made(1, legs=legs), made(seed, noise, legs=legs), BOUND)
    there = gate(made(1, legs=legs), made(seed, noise, machine=factor, legs=legs), BOUND)
    assert [each.state for each in there] == [each.state for each in here]
    for one, other in zip(here, there, strict=True):
        assert other.change.value == pytest.approx(one.change.value)
        assert other.change.low == pytest.approx(one.change.low, rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(min_value=0.5, max_value=3), min_size=2, max_size=4),
    st.sampled_from([0.01, 0.05, 0.3]),
    st.integers(0, 100),
)
def test_the_slower_a_leg_the_worse_its_state(
    factors: list[float], noise: float, seed: int
) -> None:
    rank = {"ok": 0, "unclear": 1, "worse": 2}
    legs = [leg("ensemble"), leg("in-process")]

    def slower(at: Leg, *, factor: float) -> float:
        return factor if at == legs[0] else 1.0

    ranks = [
        rank[state]
        for factor in sorted(factors)
        for state in states(
            gate(
                made(1, legs=legs),
                made(seed, noise, legs=legs, slower=partial(slower, factor=factor)),
                BOUND,
            ),
            "p50",
        )
    ]
    assert ranks == sorted(ranks)


@settings(max_examples=25, deadline=None)
@given(
    st.floats(min_value=0, max_value=1), st.floats(min_value=0, max_value=1), st.integers(0, 100)
)
def test_a_wider_bound_forgives_more(one: float, other: float, seed: int) -> None:
    rank = {"ok": 0, "unclear": 1, "worse": 2}
    result = made(seed, 0.05, legs=LEGS[:8], slower=slow_ensemble)
    baseline = made(1, legs=LEGS[:8])
    narrow, wide = (gate(baseline, result, bound) for bound in sorted((one, other)))
    assert all(rank[w.state] <= rank[n.state] for n, w in zip(narrow, wide, strict=True))


@pytest.mark.sampled(1)
@pytest.mark.parametrize(("noise", "bound"), [(0.02, 0.0), (0.2, 0.1)])
def test_nothing_changed_raises_few_false_alarms(noise: float, bound: float) -> None:
    """120 gates of 9 comparisons each, of legs that did not change: few may fail, without a bound
    or with noise far above it; without the correction it would be one in eight."""
    legs = LEGS[:8]
    alarms = []
    for n in range(120):
        then = made(2 * n, noise, 3, legs=legs, requests=1)
        now = made(2 * n + 1, noise, 4, legs=legs, requests=1)
        alarms.append(not passed(gate(then, now, bound)))
    assert np.mean(alarms) <= FALSE_ALARMS


def test_a_clear_regression_is_nearly_always_found() -> None:
    """The other half of the false alarms: a gate that never fails would raise none."""
    legs = LEGS[:8]
    found = []
    for n in range(50):
        then = made(2 * n, 0.03, legs=legs, requests=1)
        now = made(2 * n + 1, 0.03, legs=legs, requests=1, slower=slow_ensemble)
        found.append("worse" in states(gate(then, now, BOUND), "ensemble / in-process"))
    assert np.mean(found) >= 0.9


def test_what_one_interval_would_call_worse_chance_may_explain_among_many() -> None:
    """The correction: a change just beyond the bound that fails alone is unclear among the rest."""
    verdicts = set()
    for seed in range(2, 32):
        result = made(seed, slower=lambda at: 1.155 if at == leg("ensemble") else 1.0)
        ours = next(
            each
            for each in gate(BASELINE, result, BOUND)
            if (each.what, each.load) == ("ensemble / in-process, p50", "concurrency 1 (loader)")
        )
        if ours.change.low > 1 + BOUND:
            verdicts.add(ours.state)
            assert (ours.state == "unclear") == ("chance alone" in ours.note)
    assert verdicts == {"worse", "unclear"}


FAILURES: Mapping[str, Callable[[LegResult], LegResult | None]] = {
    "The server ended by itself.": lambda each: each.model_copy(
        update={"failure": "The server ended by itself."}
    ),
    "it was not measured": lambda _: None,
    "no request was answered": lambda each: each.model_copy(
        update={
            "rounds": tuple(
                r.model_copy(update={"latencies_ms": (), "errors": 3}) for r in each.rounds
            )
        }
    ),
}


@pytest.mark.parametrize("reason", FAILURES)
@pytest.mark.parametrize("mode", ["ensemble", "in-process", "services"])
def test_a_leg_without_a_figure_fails_the_gate(reason: str, mode: Mode) -> None:
    result = with_legs(
        made(seed=2), lambda each: FAILURES[reason](each) if each.leg.mode == mode else each
    )
    outcomes = gate(BASELINE, result, BOUND)
    missing = [each for each in outcomes if each.state == "missing"]
    assert len(missing) == sum(each.mode == mode for each in LEGS)
    assert all(each.what == mode and reason in each.note for each in missing)
    assert not passed(outcomes)


@pytest.mark.parametrize("reason", FAILURES)
def test_legs_whose_reference_is_missing_are_unclear(reason: str) -> None:
    fail = FAILURES[reason]
    floor = made(seed=2, legs=LEGS[:8])
    result = with_legs(floor, lambda each: fail(each) if each.leg.mode == "in-process" else each)
    unclear = [e for e in gate(made(1, legs=LEGS[:8]), result, BOUND) if e.state != "missing"]
    assert {(e.what, e.state) for e in unclear} == {
        (mode, "unclear") for mode in ("ensemble", "bls", "services")
    }
    assert all("in-process" in each.note for each in unclear)


def test_a_leg_that_failed_in_the_baseline_holds_nothing_but_is_told() -> None:
    failed = FAILURES["The server ended by itself."]
    baseline = with_legs(BASELINE, lambda each: failed(each) if each.leg == LEGS[0] else each)
    outcomes = gate(baseline, made(seed=2), BOUND)
    assert [f"{each.what}, {each.load}" for each in outcomes if each.state != "ok"] == [
        str(LEGS[0])
    ]
    assert "the baseline has no figure" in outcomes[0].note
    assert passed(outcomes)


def test_requests_that_begin_to_fail_are_worse() -> None:
    def errs(each: LegResult) -> LegResult:
        if each.leg != LEGS[0]:
            return each
        first = each.rounds[0].model_copy(update={"errors": 1, "first_error": "queue is full"})
        return each.model_copy(update={"rounds": (first, *each.rounds[1:])})

    outcomes = gate(BASELINE, with_legs(made(seed=2), errs), BOUND)
    worse = [each for each in outcomes if each.state == "worse"]
    assert [f"{each.what}, {each.load}" for each in worse] == [str(LEGS[0])]
    assert worse[0].note == "7.7% of the requests fail, 0.0% before: queue is full"
    both = gate(with_legs(BASELINE, errs), with_legs(made(seed=2), errs), BOUND)
    assert passed(both)


def test_the_table_has_a_line_for_each() -> None:
    outcomes = gate(BASELINE, made(seed=2, slower=slow_ensemble), BOUND)
    lines = table(outcomes).lines()
    assert lines[0].split() == ["baseline", "now", "times", "worse", "state"]
    assert len(lines) == 1 + 4 + len(outcomes)
    assert lines[1] == outcomes[0].load
    assert lines[2].startswith(f"  {outcomes[0].what}  ") and lines[2].endswith("  worse")
    assert str(outcomes[0].change) in lines[2]
    assert max(map(len, lines)) <= 110
    assert conclusion(outcomes).startswith(
        "The gate fails: of 18 figures 6 are worse, 0 missing, 0 unclear."
    )
