"""The verdict and its table: ratios under one loader, ready to state a loss."""

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perf.judge.estimate import ratio
from perf.judge.ratios import markdown
from perf.judge.selection import find
from perf.judge.verdict import verdict
from perf.result import LegResult, Load, Result
from tests.perf.fixtures import Make

QUICK = {"extras": False, "noise": 0.003}


def at(value: float) -> Load:
    return Load(kind="concurrency", value=value)


def slower(result: Result, factor: float) -> Result:
    """The same run on a machine that is so many times slower; powers of two keep every bit."""
    legs = [
        leg.model_copy(
            update={
                "rounds": tuple(
                    each.model_copy(
                        update={
                            "latencies_ms": tuple(x * factor for x in each.latencies_ms),
                            "seconds": each.seconds * factor,
                        }
                    )
                    for each in leg.rounds
                )
            }
        )
        for leg in result.legs
    ]
    return result.model_copy(update={"legs": tuple(legs)})


def test_a_gain_is_told_in_one_sentence_by_the_estimates(make: Make) -> None:
    result = make(**QUICK)
    said = verdict(result)
    ensemble, services = (
        find(result, mode, at(1), "perf_analyzer") for mode in ("ensemble", "services")
    )
    assert ensemble and services
    share = round((1 - ratio(ensemble, services).value) * 100)
    assert re.fullmatch(
        rf"The ensemble is worth it here: its p50 latency is {share} % lower than that of separate "
        r"services at concurrency 1, and its throughput is \d+ % higher at concurrency 4\.",
        said,
    )


def test_a_loss_is_called_one(make: Make) -> None:
    said = verdict(make({"ensemble": 60, "services": 48, "in-process": 40}, **QUICK))
    assert said.startswith("The ensemble is not worth it here: its p50 latency is 2")
    assert " % higher than that of separate services at concurrency 1" in said
    assert said.endswith(" % lower at concurrency 4.")


def test_twice_and_more_is_told_as_times(make: Make) -> None:
    said = verdict(make({"ensemble": 60, "services": 20}, **QUICK))
    assert re.search(r"p50 latency is (2\.9|3\.0)\d? times that of separate services", said), said


def test_being_slower_than_the_floor_is_no_loss(make: Make) -> None:
    said = verdict(make({"ensemble": 60, "in-process": 57}, **QUICK))
    assert said.startswith(
        "The ensemble was compared with the run in process alone: its p50 latency is 5 % higher "
        "than that of the run in process at concurrency 1"
    )


def test_a_difference_within_the_interval_is_none(make: Make) -> None:
    said = verdict(make({"ensemble": 60, "services": 60}, extras=False, noise=0.03))
    assert said.startswith(
        "The ensemble makes no measurable difference here: its p50 latency does not differ "
        "measurably from that of separate services at concurrency 1"
    )


@pytest.mark.parametrize(
    ("speed", "factor", "pattern"),
    [
        (80, 0.5, r"is worth it at concurrency 1 and not at concurrency 4: .* \d+ % lower at c"),
        (48, 2.0, r"is worth it at concurrency 4 and not at concurrency 1: .* \d+ % higher at c"),
        (
            80,
            1.5,
            r"is worth it here: .* its throughput is (\d+ % higher|2\.\d+ times as high) at c",
        ),
        (80, 0.75, r"is worth it at concurrency 1: .* does not differ measurably at concurrency 4"),
    ],
)
def test_latency_is_told_at_the_lowest_load_and_throughput_at_the_highest(
    make: Make, speed: float, factor: float, pattern: str
) -> None:
    changes = {
        ("services", 4, loader): {"factor": factor} for loader in ("perf_analyzer", "loader")
    }
    said = verdict(make({"ensemble": 60, "services": speed}, changes=changes, **QUICK))
    assert re.match(f"The ensemble {pattern}", said), said


def test_a_mode_without_a_figure_is_named_and_another_decides(make: Make) -> None:
    broken = {("services", 1, by): {"failure": "It ended."} for by in ("perf_analyzer", "loader")}
    said = verdict(make({"ensemble": 60, "services": 80, "bls": 70}, changes=broken, **QUICK))
    assert "lower than that of the BLS model at concurrency 1" in said
    assert said.endswith("; there is no figure for separate services.")


def test_legs_under_different_loaders_are_never_compared(make: Make) -> None:
    result = make({"ensemble": 60, "services": 80}, **QUICK)
    keep = {("ensemble", "perf_analyzer"), ("services", "loader")}
    legs = tuple(leg for leg in result.legs if (leg.leg.mode, leg.leg.loader) in keep)
    said = verdict(result.model_copy(update={"legs": legs}))
    assert said == (
        "No verdict: no other mode has a figure under the same load and loader as the ensemble."
    )
    assert "(" not in markdown(result.model_copy(update={"legs": legs})).split("\n\n")[0]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"speeds": {"services": 80}}, "the ensemble was not measured."),
        ({"speeds": {}}, "the ensemble was not measured."),
        ({"rounds": 1}, "the ensemble has no figure (measured once only, so its spread"),
        ({"sweep": (), "extras": True}, "no leg ran at a fixed concurrency."),
    ],
)
def test_no_verdict_without_figures(make: Make, arguments: dict[str, Any], reason: str) -> None:
    assert verdict(make(**({"extras": False} | arguments))).startswith(f"No verdict: {reason}")


def test_only_ratios_are_told_so_a_slower_machine_tells_the_same(whole: Result) -> None:
    assert verdict(slower(whole, 8)) == verdict(whole)
    assert markdown(slower(whole, 8)) == markdown(whole)


def test_the_table_has_a_row_for_each_comparison_and_says_what_was_not_run(whole: Result) -> None:
    lines = markdown(whole).split("\n\n")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert {len(row) for row in cells} == {6}
    assert [row[0] for row in cells[2:]].count("services") == 2
    http = next(row for row in cells if row[0] == "ensemble, HTTP")
    assert http[3:] == ["not run"] * 3
    assert re.fullmatch(r"\*\*0\.\d\d\*\* \(0\.\d\d to 0\.\d\d\)", http[2])


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_one_sentence_whatever_happened(make: Make, data: st.DataObject) -> None:
    whole = make(rounds=2, sweep=(1, 4), extras=False)
    state = st.sampled_from(["as is", "gone", "failed", "once", "silent", "nan", "huge"])
    legs = [broken for leg in whole.legs if (broken := spoil(leg, data.draw(state)))]
    result = whole.model_copy(update={"legs": tuple(legs)})
    said = verdict(result)
    assert said.endswith(".") and "\n" not in said and "nan" not in said.lower().split()
    assert "nan" not in markdown(result)


def spoil(leg: LegResult, state: str) -> LegResult | None:
    first = leg.rounds[0]
    match state:
        case "gone":
            return None
        case "failed":
            return leg.model_copy(update={"failure": "Line one.\nLine two."})
        case "once":
            return leg.model_copy(update={"rounds": (first,)})
    latencies = {"silent": (), "nan": (float("nan"),), "huge": (1e300, 1e301)}.get(state)
    if latencies is None:
        return leg
    spoiled = first.model_copy(update={"latencies_ms": latencies, "seconds": 1e-9})
    return leg.model_copy(update={"rounds": (spoiled, spoiled.model_copy(update={"number": 1}))})


def test_a_single_model_is_called_so(make: Make) -> None:
    result = make({"ensemble": 60, "in-process": 57}, single=True, **QUICK)
    assert verdict(result).startswith("The model was compared with the run in process alone: its")
    assert markdown(result).startswith("| the model against |")
    assert "ensemble" not in verdict(result) + markdown(result)
