"""Ratios of legs: their value, and how often their intervals are right."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf.judge.estimate import Estimate, change, log_ratios, mean, ratio, student_quantile
from perf.result import Leg, LegResult, Load, Round

TIMES = st.floats(min_value=0.01, max_value=1e5)


def leg(medians: Sequence[float | None], numbers: Sequence[int] | None = None) -> LegResult:
    """A leg whose rounds have these p50; None is a round without answers."""
    return LegResult(
        leg=Leg(
            mode="ensemble",
            load=Load(kind="concurrency", value=1),
            loader="loader",
            protocol="grpc",
        ),
        rounds=tuple(
            Round(
                number=number,
                latencies_ms=() if value is None else (value, value, value),
                seconds=1.0 if value is None else 3 * value / 1000,
                errors=3 if value is None else 0,
            )
            for number, value in zip(numbers or range(len(medians)), medians, strict=True)
        ),
    )


@pytest.mark.parametrize(
    ("confidence", "degrees", "quantile"),
    [
        # Two-sided quantiles as printed in the usual tables.
        (0.95, 1, 12.706),
        (0.95, 2, 4.3027),
        (0.95, 9, 2.2622),
        (0.90, 5, 2.0150),
        (0.99, 2, 9.9248),
        (0.999, 4, 8.6103),
        (0.95, 120, 1.9799),
    ],
)
def test_quantiles_are_those_of_the_tables(
    confidence: float, degrees: float, quantile: float
) -> None:
    assert student_quantile(confidence, degrees) == pytest.approx(quantile, rel=1e-4)


def test_a_fraction_of_a_degree_lies_between_its_neighbours() -> None:
    assert student_quantile(0.95, 3) < student_quantile(0.95, 2.5) < student_quantile(0.95, 2)


def test_rounds_are_paired_by_number_not_by_place() -> None:
    # Round 1 is slow for both: paired, every ratio is two; by place they would be all over.
    slow = leg([20.0, 80.0, 24.0], numbers=[0, 1, 2])
    fast = leg([12.0, 10.0, 40.0], numbers=[2, 0, 1])
    estimate = ratio(slow, fast)
    assert estimate.value == pytest.approx(2)
    assert estimate.low == pytest.approx(2)
    assert estimate.high == pytest.approx(2)
    assert estimate.excludes_one


def test_the_value_is_the_geometric_mean_and_the_interval_students() -> None:
    estimate = ratio(leg([1.0, 2.0, 4.0]), leg([1.0, 1.0, 1.0]))
    reach = 4.30265 * math.log(2) / math.sqrt(3)
    assert estimate.value == pytest.approx(2)
    assert estimate.low == pytest.approx(2 * math.exp(-reach), rel=1e-3)
    assert estimate.high == pytest.approx(2 * math.exp(reach), rel=1e-3)


def test_throughput_and_latency_point_opposite_ways() -> None:
    slow, fast = leg([20.0, 21.0]), leg([10.0, 10.0])
    assert ratio(slow, fast, "p99").value > 2
    assert ratio(slow, fast, "throughput").value < 0.5


def test_rounds_without_answers_are_left_out() -> None:
    whole, holed = leg([10.0, 11.0, 12.0]), leg([5.0, None, 6.0])
    assert log_ratios(whole, holed, "p50") == pytest.approx([math.log(2), math.log(2)])
    assert len(log_ratios(whole, holed, "throughput")) == 2


@pytest.mark.parametrize(
    ("numerator", "denominator"),
    [
        (leg([10.0]), leg([5.0])),
        (leg([10.0, 10.0]), leg([5.0, None])),
        (leg([10.0, 10.0]), leg([5.0, 5.0], numbers=[1, 2])),
        (leg([None, None]), leg([5.0, 5.0])),
        (leg([]), leg([5.0, 5.0])),
    ],
)
def test_fewer_than_two_pairs_conclude_nothing(
    numerator: LegResult, denominator: LegResult
) -> None:
    for what in ("p50", "throughput"):
        estimate = ratio(numerator, denominator, what)
        assert (estimate.low, estimate.high) == (0, math.inf)
        assert not estimate.excludes_one
        assert not estimate.known


def test_it_reads_as_a_value_and_its_interval() -> None:
    assert str(Estimate(1.312, 1.249, 1.377)) == "1.31 (1.25 to 1.38)"
    assert str(ratio(leg([10.0]), leg([5.0]))) == "2.00 (spread not known)"
    assert str(ratio(leg([]), leg([5.0]))) == "no figure"


@given(st.lists(st.tuples(TIMES, TIMES), min_size=2, max_size=10), st.sampled_from([0.8, 0.95]))
def test_the_inverse_ratio_is_the_inverse(
    pairs: list[tuple[float, float]], confidence: float
) -> None:
    above, below = leg([a for a, _ in pairs]), leg([b for _, b in pairs])
    there, back = (
        ratio(above, below, "p50", confidence),
        ratio(below, above, "p50", confidence),
    )
    assert there.low <= there.value <= there.high
    assert math.log(there.value) == pytest.approx(-math.log(back.value), abs=1e-9)
    if there.known and back.known:
        assert math.log(there.low) == pytest.approx(-math.log(back.high), abs=1e-6)


@given(
    st.lists(st.tuples(TIMES, TIMES), min_size=2, max_size=10),
    st.floats(min_value=0.001, max_value=1000),
)
def test_a_faster_machine_changes_no_ratio(pairs: list[tuple[float, float]], factor: float) -> None:
    here = ratio(leg([a for a, _ in pairs]), leg([b for _, b in pairs]))
    there = ratio(leg([a * factor for a, _ in pairs]), leg([b * factor for _, b in pairs]))
    assert there.value == pytest.approx(here.value)
    assert there.low == pytest.approx(here.low, rel=1e-5)


@pytest.mark.parametrize("rounds", range(2, 11))
def test_the_interval_covers_the_truth_in_95_of_100_runs(rounds: int) -> None:
    """1500 runs of lognormal noise; three standard errors of a share of 0.95 are 0.017."""
    draws = np.random.default_rng(rounds).normal(0.3, 0.1, (1500, rounds))
    covered = [(e := mean(logs)).low <= math.exp(0.3) <= e.high for logs in draws.tolist()]
    assert 0.933 <= np.mean(covered) <= 0.967


@pytest.mark.parametrize(
    ("rounds", "spreads"), [((3, 3), (0.05, 0.05)), ((3, 5), (0.1, 0.02)), ((10, 3), (0.1, 0.1))]
)
def test_the_interval_of_a_change_covers_the_truth_also_with_unequal_spreads(
    rounds: tuple[int, int], spreads: tuple[float, float]
) -> None:
    """Welch's test is an approximation: known to stay within a few parts in a hundred."""
    rng = np.random.default_rng(sum(rounds))
    before = rng.normal(0.3, spreads[0], (1000, rounds[0])).tolist()
    after = rng.normal(0.5, spreads[1], (1000, rounds[1])).tolist()
    covered = [
        (e := change(b, a)).low <= math.exp(0.2) <= e.high
        for b, a in zip(before, after, strict=True)
    ]
    assert 0.92 <= np.mean(covered) <= 0.985


def test_a_change_between_equal_rounds_is_one_exactly() -> None:
    assert change([0.3, 0.3], [0.3, 0.3]) == Estimate(1, 1, 1)
    assert not change([0.3, 0.3], [0.3, 0.3]).excludes_one


def test_a_change_from_one_round_concludes_nothing() -> None:
    for before, after in (([0.1], [0.1, 0.2]), ([0.1, 0.2], [0.9]), ([], [0.1, 0.2])):
        estimate = change(before, after)
        assert not estimate.known
        assert not estimate.excludes_one
