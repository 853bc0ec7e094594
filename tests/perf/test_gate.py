"""The regression gate: what it finds, what it must not find, and what it refuses."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf.errors import PerfError
from perf.gate import FALSE_ALARMS, Outcome, conclusion, gate, passed, remarks, table
from perf.result import Leg, LegResult, Load, Loader, Machine, Mode, Result, Round, load, save

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


def test_every_leg_but_the_floor_is_compared_at_every_load() -> None:
    """Of the loader's legs three are held against in-process; of perf_analyzer's the ensemble
    against services, the others against the ensemble; throughput at the highest concurrency."""
    whats = [each.what for each in gate(BASELINE, made(seed=2), BOUND)]
    pairs = {
        *(f"{mode} / in-process: FIGURE (loader)" for mode in ("ensemble", "bls", "services")),
        *(f"{mode} / ensemble: FIGURE (perf_analyzer)" for mode in ("bls", "services")),
        "ensemble / services: FIGURE (perf_analyzer)",
    }
    assert sorted(whats) == sorted(
        pair.replace("FIGURE", f"{figure}, concurrency {n}")
        for pair in pairs
        for figure, n in (("p50", 1), ("p50", 4), ("throughput", 4))
    )


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
        "bls / in-process: throughput, concurrency 4 (loader)",
        "bls / ensemble: throughput, concurrency 4 (perf_analyzer)",
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
    assert set(states(outcomes, "ensemble / in-process: p99")) == {"worse"}
    assert set(states(outcomes, "p50")) == {"ok"}
    assert not states(gate(enough, made(2, requests=199, legs=LEGS[:8]), BOUND), "p99")


def test_a_huge_spread_is_unclear_which_is_no_strict_pass() -> None:
    result = made(seed=3, noise=0.6, slower=slow_ensemble)
    outcomes = gate(BASELINE, result, BOUND)
    assert set(states(outcomes, "ensemble / in-process: p50")) == {"unclear"}
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
    ranks = [
        rank[state]
        for factor in sorted(factors)
        for state in states(
            gate(
                made(1, legs=legs),
                made(
                    seed, noise, legs=legs, slower=lambda at, f=factor: f if at == legs[0] else 1.0
                ),
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


@pytest.mark.parametrize(("noise", "bound"), [(0.02, 0.0), (0.2, 0.1)])
def test_nothing_changed_raises_few_false_alarms(noise: float, bound: float) -> None:
    """120 gates of 9 comparisons each, of legs that did not change: few may fail, without a bound
    or with noise far above it; without the correction it would be one in eight."""
    legs = LEGS[:8]
    alarms = [
        not passed(
            gate(
                made(2 * n, noise, 3, legs=legs, requests=1),
                made(2 * n + 1, noise, 4, legs=legs, requests=1),
                bound,
            )
        )
        for n in range(120)
    ]
    assert np.mean(alarms) <= FALSE_ALARMS


def test_a_clear_regression_is_nearly_always_found() -> None:
    """The other half of the false alarms: a gate that never fails would raise none."""
    legs = LEGS[:8]
    found = [
        "worse"
        in states(
            gate(
                made(2 * n, 0.03, legs=legs, requests=1),
                made(2 * n + 1, 0.03, legs=legs, requests=1, slower=slow_ensemble),
                BOUND,
            ),
            "ensemble / in-process",
        )
        for n in range(50)
    ]
    assert np.mean(found) >= 0.9


def test_what_one_interval_would_call_worse_chance_may_explain_among_many() -> None:
    """The correction: a change just beyond the bound that fails alone is unclear among the rest."""
    verdicts = set()
    for seed in range(2, 32):
        result = made(seed, slower=lambda at: 1.155 if at == leg("ensemble") else 1.0)
        ours = next(
            each
            for each in gate(BASELINE, result, BOUND)
            if each.what == "ensemble / in-process: p50, concurrency 1 (loader)"
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
    assert all(each.what.startswith(mode) and reason in each.note for each in missing)
    assert not passed(outcomes)


def test_legs_whose_reference_is_missing_are_unclear() -> None:
    result = with_legs(made(seed=2), lambda each: None if each.leg.mode == "in-process" else each)
    unclear = [each for each in gate(BASELINE, result, BOUND) if each.state == "unclear"]
    assert {each.what.split(",")[0] for each in unclear} == {"ensemble", "bls", "services"}
    assert all("in-process" in each.note for each in unclear)


def test_a_leg_that_failed_in_the_baseline_holds_nothing_but_is_told() -> None:
    failed = FAILURES["The server ended by itself."]
    baseline = with_legs(BASELINE, lambda each: failed(each) if each.leg == LEGS[0] else each)
    outcomes = gate(baseline, made(seed=2), BOUND)
    assert [each.what for each in outcomes if each.state != "ok"] == [str(LEGS[0])]
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
    assert [each.what for each in worse] == [str(LEGS[0])]
    assert worse[0].note == "7.7% of the requests fail, 0.0% before: queue is full"
    both = gate(with_legs(BASELINE, errs), with_legs(made(seed=2), errs), BOUND)
    assert passed(both)


def test_a_rate_is_known_by_its_share_and_variants_stand_against_the_plain_ensemble() -> None:
    def legs(rate: float) -> list[Leg]:
        half = Load(kind="request_rate", value=rate, share=0.5)
        return [
            *(leg(mode, half, "perf_analyzer") for mode in ("ensemble", "services")),
            *(leg("ensemble", ONE, "perf_analyzer", **o) for o in ({}, {"protocol": "http"})),
            leg("ensemble", ONE, "perf_analyzer", shared_memory="system"),
        ]

    outcomes = gate(made(1, legs=legs(3.0)), made(2, legs=legs(70.0)), BOUND)
    at_rate = "p50, Poisson at 50% of the ensemble's throughput (perf_analyzer)"
    assert {each.what: each.state for each in outcomes} == {
        f"ensemble / services: {at_rate}": "ok",
        f"services / ensemble: {at_rate}": "ok",
        "ensemble, concurrency 1 (perf_analyzer)": "unclear",
        "ensemble over HTTP / ensemble: p50, concurrency 1 (perf_analyzer)": "ok",
        "ensemble over HTTP / ensemble: throughput, concurrency 1 (perf_analyzer)": "ok",
        "ensemble with shared memory / ensemble: p50, concurrency 1 (perf_analyzer)": "ok",
        "ensemble with shared memory / ensemble: throughput, concurrency 1 (perf_analyzer)": "ok",
    }


def test_the_loaders_are_never_mixed() -> None:
    apart = [leg("ensemble", ONE, "perf_analyzer"), leg("in-process", ONE, "loader")]
    outcomes = gate(made(1, legs=apart), made(2, legs=apart), BOUND)
    assert [(each.state, each.note) for each in outcomes] == [
        ("unclear", "the baseline has no leg to hold it against")
    ]


def test_the_table_has_a_line_for_each_and_a_closing_sentence() -> None:
    outcomes = gate(BASELINE, made(seed=2, slower=slow_ensemble), BOUND)
    lines = table(outcomes).splitlines()
    assert lines[0].split() == ["baseline", "now", "times", "worse", "state"]
    assert len(lines) == len(outcomes) + 3
    first = outcomes[0]
    assert lines[1].split("  ")[0] == first.what
    assert str(first.change) in lines[1] and lines[1].endswith("worse")
    assert lines[-1].startswith("The gate fails: of 18 figures 6 are worse, 0 missing, 0 unclear.")


def test_files_are_known_by_name_and_counts_may_differ() -> None:
    scenario = {"requests": [{"image": {"file": "/home/a/a.png", "value": None}}], "count": 99}
    result = made(seed=2, rounds=7, requests=5).model_copy(update={"scenario": scenario})
    assert passed(gate(BASELINE, result, BOUND), strict=True)


def test_what_differs_without_deciding_is_remarked() -> None:
    assert remarks(BASELINE, made(seed=2)) == []
    more = made(seed=2, legs=[*LEGS, leg("bls", ONE, "perf_analyzer", protocol="http")])
    machine = more.machine.model_copy(update={"cores": 64})
    more = more.model_copy(update={"machine": machine, "unfinished": "Interrupted."})
    elsewhere, added, ended = remarks(BASELINE, more)
    assert "x, 2 cores; here x, 64 cores" in elsewhere
    assert added == (
        "Not in the baseline, so not compared: bls, concurrency 1 (HTTP, perf_analyzer)."
    )
    assert ended == "The result ended early: Interrupted."
    assert passed(gate(BASELINE, more, BOUND))


@pytest.mark.parametrize(
    ("update", "words"),
    [
        ({"pipeline": "asr"}, "'ocr' and the result of 'asr'"),
        ({"scenario": {"requests": [{"image": {"file": "b.png"}}]}}, "different requests"),
        ({"scenario": {"requests": []}}, "different requests"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_sentence(
    update: dict[str, object], words: str
) -> None:
    with pytest.raises(PerfError, match=words) as caught:
        gate(BASELINE, BASELINE.model_copy(update=update), BOUND)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bound", [-0.1, math.nan, math.inf])
def test_a_bound_is_a_share(bound: float) -> None:
    with pytest.raises(PerfError, match="expected a share"):
        gate(BASELINE, BASELINE, bound)


def test_nothing_to_compare_is_no_pass() -> None:
    for legs in ([], [leg("in-process")]):
        alone = made(1, legs=legs)
        with pytest.raises(PerfError, match="nothing to compare"):
            gate(alone, alone, BOUND)


def spoiled(path: Path, change: Callable[[dict[str, object]], object]) -> Path:
    """The baseline's file with a change to its JSON."""
    save(BASELINE, path)
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    return path


def test_a_saved_result_gates_like_the_one_in_memory(tmp_path: Path) -> None:
    save(BASELINE, tmp_path / "baseline.json")
    result = made(seed=2, slower=slow_ensemble)
    assert gate(load(tmp_path / "baseline.json"), result, BOUND) == gate(BASELINE, result, BOUND)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.update(schema_version=2),
        lambda data: data.pop("legs"),
        lambda data: data["legs"][0]["leg"].update(mode="magic"),
        lambda data: data["legs"][0]["rounds"][0].update(latencies_ms="quick"),
        lambda data: data["legs"][0]["leg"]["load"].update(value=-1),
    ],
)
def test_a_file_that_is_no_result_is_refused_in_a_sentence(
    tmp_path: Path, change: Callable[[dict[str, object]], object]
) -> None:
    path = spoiled(tmp_path / "result.json", change)
    with pytest.raises(PerfError, match="is not a result of") as caught:
        load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\xfe", b'{"schema_version": 1, "legs"'])
def test_a_cut_file_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(content)
    with pytest.raises(PerfError, match="is not a result of") as caught:
        load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 0.0])
def test_latencies_that_are_no_times_are_no_figure(tmp_path: Path, value: float) -> None:
    """Of one bad latency neither side may make a figure, nor anything pass because of it."""
    path = spoiled(
        tmp_path / "result.json",
        lambda data: data["legs"][0]["rounds"][0].update(latencies_ms=[value, 100.0, 100.0]),
    )
    outcomes = gate(BASELINE, load(path), BOUND)
    assert [(each.what, each.state) for each in outcomes if each.note] == [
        (str(LEGS[0]), "missing")
    ]
    assert not passed(outcomes)


@pytest.mark.parametrize(
    "update", [{"seconds": math.nan}, {"seconds": -1.0}, {"seconds": 0.0}, {"errors": -12}]
)
def test_rounds_with_impossible_figures_never_pass_nor_break_the_gate(
    update: dict[str, float],
) -> None:
    def spoil(each: LegResult) -> LegResult:
        return each.model_copy(
            update={"rounds": tuple(r.model_copy(update=update) for r in each.rounds)}
        )

    throughput = states(gate(BASELINE, with_legs(made(seed=2), spoil), BOUND), "throughput")
    assert set(throughput) == ({"unclear"} if "seconds" in update else {"ok"})
