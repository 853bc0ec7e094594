"""Where the time goes: kinds that add up to the latency, or a statement that they do not."""

import pytest

from perf.report.breakdown import Breakdown, breakdown, uses
from perf.report.figures.time import time
from perf.result import Leg, LegResult, Load, ProcessUse, Round, StepTime
from tests.perf.fixtures import Make

LEG = Leg(mode="ensemble", load=Load(kind="concurrency", value=1), loader="loader")


def leg(server_ms: float | None, *steps: StepTime, latency: float = 10.0) -> LegResult:
    rounds = (
        Round(
            number=n, latencies_ms=(latency, latency), seconds=1, server_ms=server_ms, steps=steps
        )
        for n in range(2)
    )
    return LegResult(leg=LEG, rounds=tuple(rounds))


def step(model: str, *times_us: float) -> StepTime:
    names = ("queue_us", "compute_input_us", "compute_infer_us", "compute_output_us")
    return StepTime(model=model, calls=1, **dict(zip(names, times_us, strict=True)))


def told(measured: LegResult) -> Breakdown:
    found = breakdown(measured)
    assert found is not None
    return found


def test_what_the_steps_leave_is_split_at_the_server() -> None:
    found = told(leg(8.0, step("a", 500, 250, 3000, 250), step("b", 0, 0, 2000, 0)))
    assert found.kinds == pytest.approx(
        {
            "queue": 0.5,
            "input copy": 0.25,
            "compute": 5.0,
            "output copy": 0.25,
            "between the steps": 2.0,
            "network and client": 2.0,
        }
    )
    assert sum(found.kinds.values()) == pytest.approx(found.latency)
    assert found.steps["a"]["compute"] == 3.0
    assert not found.overlap


def test_without_the_servers_word_the_rest_is_one() -> None:
    found = told(leg(None, step("a", 0, 0, 4000, 0)))
    assert found.kinds["between the steps"] == 0
    assert found.kinds["network and client"] == 6.0


def test_steps_side_by_side_are_told(make: Make) -> None:
    found = told(leg(9.0, step("a", 0, 0, 8000, 0), step("b", 0, 0, 8000, 0)))
    assert found.overlap
    assert found.kinds["between the steps"] == 0
    assert found.kinds["network and client"] == 1.0
    over = leg(9.0, step("a", 0, 0, 8000, 0), step("b", 0, 0, 8000, 0))
    drawing = time(make({}, extras=False).model_copy(update={"legs": (over,)}))
    assert "Where a bar passes its mark, calls ran side by side" in drawing.caption


def test_nothing_is_said_of_overlap_where_there_is_none(make: Make) -> None:
    apart = leg(9.0, step("a", 0, 0, 4000, 0))
    drawing = time(make({}, extras=False).model_copy(update={"legs": (apart,)}))
    assert drawing.panels and "side by side" not in drawing.caption


def test_no_statistics_no_breakdown() -> None:
    assert breakdown(leg(9.0)) is None


def test_uses_are_medians_over_the_rounds() -> None:
    rounds = tuple(
        Round(
            number=n,
            latencies_ms=(1.0,),
            seconds=1,
            processes=(
                ProcessUse(
                    part="server", processes=n, cpu_ms=cpu, resident_mib=1, proportional_mib=1
                ),
            ),
        )
        for n, cpu in enumerate((1.0, 2.0, 90.0))
    )
    assert uses(LegResult(leg=LEG, rounds=rounds))["server"].cpu_ms == 2.0
