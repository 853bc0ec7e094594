"""Which leg is held against which, and in which figures."""

from __future__ import annotations

import math

import pytest

from perf.judge.references import P99_REQUESTS, absent, figures_of, legs_of, reference_of
from perf.result import Leg, LegResult, Load, Loader, Machine, Mode, Result, Round

ONE, FOUR = Load(kind="concurrency", value=1), Load(kind="concurrency", value=4)


def leg(mode: Mode, at: Load = ONE, loader: Loader = "loader", **options: str) -> Leg:
    return Leg.model_validate({"mode": mode, "load": at, "loader": loader, **options})


def measured(at: Leg, latencies: tuple[float, ...] = (5.0, 6.0), rounds: int = 2) -> LegResult:
    each = [Round(number=n, latencies_ms=latencies, seconds=1.0) for n in range(rounds)]
    return LegResult(leg=at, rounds=tuple(each))


def result(*legs: Leg | LegResult) -> Result:
    return Result(
        pipeline="ocr",
        started="2026-01-01T00:00:00Z",
        repository=None,
        scenario={},
        machine=Machine(system="Linux", processor="x", cores=2, memory_gib=8, load_before=0),
        software={},
        spread_limit=0.2,
        legs=tuple(measured(each) if isinstance(each, Leg) else each for each in legs),
    )


def references(*legs: Leg | LegResult) -> list[str | None]:
    """The reference of each leg as text, in their order."""
    found = legs_of(result(*legs))
    chosen = [reference_of(key, found) for key in found]
    return [key and str(found[key].leg) for key in chosen]


def test_the_floor_is_the_reference_where_there_is_one() -> None:
    legs = [leg(mode) for mode in ("ensemble", "services", "in-process", "bls")]
    assert references(*legs) == [str(legs[2]), str(legs[2]), None, str(legs[2])]


def test_without_a_floor_it_is_the_ensemble_which_is_held_against_a_gateway() -> None:
    modes: tuple[Mode, ...] = ("bls", "ensemble", "services-kserve", "services")
    bls, ensemble, kserve, services = (leg(mode, ONE, "perf_analyzer") for mode in modes)
    assert references(bls, ensemble, kserve, services) == [
        str(ensemble),
        str(services),
        str(ensemble),
        str(ensemble),
    ]
    assert references(bls, ensemble) == [str(ensemble), str(bls)]
    assert references(bls, services) == [str(services), str(bls)]


def test_a_leg_alone_has_none() -> None:
    for mode in ("ensemble", "in-process", "services"):
        assert references(leg(mode)) == [None]


def test_loads_and_loaders_are_never_mixed() -> None:
    assert references(
        leg("ensemble", ONE, "perf_analyzer"), leg("in-process", ONE), leg("bls", FOUR)
    ) == [None, None, None]


def test_variants_are_held_against_the_plain_ensemble() -> None:
    http, shared, plain = (
        leg("ensemble", ONE, "perf_analyzer", protocol="http"),
        leg("ensemble", ONE, "perf_analyzer", shared_memory="system"),
        leg("ensemble", ONE, "perf_analyzer"),
    )
    assert references(http, shared, plain) == [str(plain), str(plain), None]


def test_a_leg_without_a_figure_is_no_reference() -> None:
    failed = measured(leg("in-process")).model_copy(update={"failure": "It ended."})
    ensemble, services = leg("ensemble"), leg("services")
    assert references(failed, ensemble, services)[1:] == [str(services), str(ensemble)]


def test_a_rate_is_known_by_its_share_and_a_fixed_rate_by_itself() -> None:
    def keys(at: Load) -> set[object]:
        return set(legs_of(result(leg("ensemble", at))))

    def rate(value: float, share: float | None) -> set[object]:
        return keys(Load(kind="request_rate", value=value, share=share))

    assert rate(3.0, 0.5) == rate(70.0, 0.5)
    assert rate(3.0, 0.5) != rate(3.0, 0.8)
    assert rate(3.0, None) != rate(70.0, None)
    assert rate(3.0, None) != keys(Load(kind="concurrency", value=3))


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, "not measured"),
        (measured(leg("bls"), rounds=0), "no request was answered"),
        (measured(leg("bls"), ()), "no request was answered"),
        (measured(leg("bls")).model_copy(update={"failure": "It ended."}), "It ended."),
        (measured(leg("bls"), (5.0, math.nan)), "finite and above zero"),
        (measured(leg("bls"), (math.inf, 5.0)), "finite and above zero"),
        (measured(leg("bls"), (5.0, -1.0)), "finite and above zero"),
        (measured(leg("bls"), (0.0, 5.0)), "finite and above zero"),
    ],
)
def test_why_a_leg_has_no_figure(found: LegResult | None, reason: str) -> None:
    assert reason in str(absent(found))
    assert absent(measured(leg("bls"), (5.0, 900.0))) is None


def test_throughput_is_compared_at_each_loaders_highest_concurrency() -> None:
    rate = Load(kind="request_rate", value=9, share=0.5)
    legs = [leg("bls", ONE), leg("bls", FOUR), leg("bls", rate), leg("bls", ONE, "perf_analyzer")]
    found = legs_of(result(*legs))
    few = [found[key] for key in found]
    assert [list(figures_of(each, few, found)) for each in legs] == [
        ["p50"],
        ["p50", "throughput"],
        ["p50"],
        ["p50", "throughput"],
    ]


@pytest.mark.parametrize(("fewer", "p99"), [(0, True), (1, False)])
def test_a_p99_takes_enough_requests_in_every_round_of_every_leg(fewer: int, p99: bool) -> None:
    enough = measured(leg("bls"), (5.0,) * P99_REQUESTS)
    last = measured(leg("bls"), (5.0,) * (P99_REQUESTS - fewer), rounds=1)
    found = legs_of(result(leg("bls"), leg("bls", FOUR)))
    assert ("p99" in figures_of(leg("bls"), [enough, last], found)) == p99
