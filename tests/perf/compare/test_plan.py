"""Plans: each leg that a ratio needs, under the loader of its other side; orders that mix."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf.compare.plan import ANALYZABLE, effort, legs_of, order, rate_legs, reference
from perf.result import Leg
from perf.scenario import MODES, Scenario, load_scenario

SCENARIOS = st.builds(
    lambda modes, concurrency, rates, variants: load_scenario("ocr").but(
        modes=modes, concurrency=concurrency, request_rate=rates, variants=variants
    ),
    st.lists(st.sampled_from(MODES), min_size=1, unique=True),
    st.lists(st.sampled_from([1, 2, 4, 8]), min_size=1, unique=True),
    st.lists(st.sampled_from([0.25, 0.5, 0.8]), unique=True),
    st.lists(st.sampled_from(["http", "shared-memory"]), unique=True),
)


def all_legs(scenario: Scenario, *, analyzer: bool) -> list[Leg]:
    legs = legs_of(scenario, analyzer=analyzer)
    if reference(scenario, analyzer=analyzer) is not None:
        legs += rate_legs(scenario, 3.0, analyzer=analyzer)
    return legs


@given(scenario=SCENARIOS, analyzer=st.booleans())
def test_every_mode_can_be_compared_with_the_ensemble_and_the_services(
    scenario: Scenario, analyzer: bool
) -> None:
    legs = all_legs(scenario, analyzer=analyzer)
    assert len(set(legs)) == len(legs)
    for leg in legs:
        if leg.loader == "perf_analyzer":
            assert analyzer
            assert leg.mode in ANALYZABLE
        for other in {"ensemble", "services"} & set(scenario.modes):
            twin = leg.model_copy(
                update={"mode": other, "protocol": "grpc", "shared_memory": "none"}
            )
            assert twin in legs, (str(leg), other)
    loads = {(leg.mode, leg.load.value) for leg in legs if leg.load.kind == "concurrency"}
    assert loads == {(mode, value) for mode in scenario.modes for value in scenario.concurrency}


def test_the_demo_is_driven_by_perf_analyzer_where_it_can_be() -> None:
    legs = all_legs(load_scenario("ocr"), analyzer=True)
    shown = Counter((leg.mode, leg.loader, leg.load.kind) for leg in legs)
    assert shown == {
        ("ensemble", "perf_analyzer", "concurrency"): 4,  # HTTP and shared memory among them
        ("ensemble", "loader", "concurrency"): 2,
        ("ensemble", "perf_analyzer", "request_rate"): 2,
        ("fused", "perf_analyzer", "concurrency"): 2,
        ("bls", "perf_analyzer", "concurrency"): 2,
        ("services", "perf_analyzer", "concurrency"): 2,
        ("services", "loader", "concurrency"): 2,
        ("services", "perf_analyzer", "request_rate"): 2,
        ("chained", "loader", "concurrency"): 2,
        ("services-kserve", "loader", "concurrency"): 2,
        ("in-process", "loader", "concurrency"): 2,
    }
    variants = [leg for leg in legs if leg.protocol == "http" or leg.shared_memory == "system"]
    assert [leg.load.value for leg in variants] == [1, 1]
    [rate] = {leg.load.value for leg in legs if leg.load.share == 0.5}
    assert rate == 1.5


def test_a_rate_is_measured_long_enough_for_a_queue() -> None:
    scenario = load_scenario("ocr")
    for leg in rate_legs(scenario, 3.0, analyzer=True):
        assert effort(scenario, leg).count == 24


def test_rates_are_shares_of_the_ensemble_at_the_highest_concurrency() -> None:
    scenario = load_scenario("ocr")
    leg = reference(scenario, analyzer=True)
    assert leg is not None
    assert (leg.mode, leg.load.value, leg.loader) == ("ensemble", 4, "perf_analyzer")
    assert leg in legs_of(scenario, analyzer=True)
    assert reference(scenario.but(modes=["services"]), analyzer=True) is None
    assert reference(scenario.but(request_rate=[]), analyzer=True) is None


@pytest.mark.parametrize("seed", range(3))
def test_no_leg_always_follows_the_same_one_and_every_round_has_all(seed: int) -> None:
    legs = legs_of(load_scenario("ocr"), analyzer=True)
    before: dict[Leg, set[Leg]] = {leg: set() for leg in legs}
    for number in range(6):
        shuffled = order(legs, number, seed)
        assert set(shuffled) == set(legs)
        assert shuffled == order(legs, number, seed)
        for earlier, leg in itertools.pairwise(shuffled):
            before[leg].add(earlier)
    assert all(len(earlier) > 1 for earlier in before.values())


@given(
    count=st.integers(8, 60),
    warmup=st.integers(0, 20),
    cycle=st.integers(1, 80),
    concurrency=st.sampled_from([1, 2, 4, 8]),
)
def test_a_measurement_sends_whole_cycles_and_keeps_its_crowd_together(
    count: int, warmup: int, cycle: int, concurrency: int
) -> None:
    one = load_scenario("ocr").model_dump()["requests"][0]
    scenario = load_scenario("ocr").but(
        requests=[one] * cycle, count=count, warmup=warmup, concurrency=[concurrency]
    )
    for leg in legs_of(scenario, analyzer=True):
        made = effort(scenario, leg)
        assert made.count >= max(count, 5 * leg.load.value)
        assert (made.warmup == 0) == (warmup == 0)
        assert made.warmup >= warmup
        if cycle <= count:
            assert made.count % cycle == made.warmup % cycle == 0
            assert made.count < max(count, 5 * leg.load.value) + cycle
