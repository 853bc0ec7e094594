"""What the gate refuses or does with files that someone else wrote, or spoiled."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perf.errors import PerfError
from perf.judge.gate import gate, passed, remarks
from perf.result import Leg, LegResult, Load, Machine, Mode, Result, Round, load, save

BOUND = 0.1
TIMES = {"ensemble": (110.0, 111.0, 110.0), "in-process": (100.0, 101.0, 99.0)}


def leg(mode: Mode, protocol: str = "grpc") -> Leg:
    at = Load(kind="concurrency", value=1)
    return Leg.model_validate({"mode": mode, "load": at, "loader": "loader", "protocol": protocol})


def made(*legs: Leg) -> Result:
    """A result of some legs; an ensemble and the floor if none are given."""
    return Result(
        pipeline="ocr",
        started="2026-01-01T00:00:00Z",
        repository=None,
        scenario={"requests": [{"image": {"file": "pages/a.png", "value": None}}]},
        machine=Machine(system="Linux", processor="x", cores=2, memory_gib=8, load_before=0),
        software={},
        spread_limit=0.2,
        legs=tuple(
            LegResult(
                leg=each,
                rounds=tuple(
                    Round(number=n, latencies_ms=(time, time), seconds=2 * time / 1000)
                    for n, time in enumerate(TIMES[each.mode])
                ),
            )
            for each in legs or (leg("ensemble"), leg("in-process"))
        ),
    )


BASELINE = made()


def test_files_are_known_by_name_and_counts_may_differ() -> None:
    scenario = {"requests": [{"image": {"file": "/home/a/a.png", "value": None}}], "count": 99}
    result = made().model_copy(update={"scenario": scenario})
    assert passed(gate(BASELINE, result, BOUND), strict=True)


def test_what_differs_without_deciding_is_remarked() -> None:
    assert remarks(BASELINE, made()) == []
    more = made(leg("ensemble"), leg("in-process"), leg("ensemble", "http"))
    machine = more.machine.model_copy(update={"cores": 64})
    more = more.model_copy(update={"machine": machine, "unfinished": "Interrupted."})
    elsewhere, added, ended = remarks(BASELINE, more)
    assert "x, 2 cores; here x, 64 cores" in elsewhere
    assert added == "Not in the baseline, so not compared: ensemble, concurrency 1 (HTTP, loader)."
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
    for alone in (made(leg("in-process")), made().model_copy(update={"legs": ()})):
        with pytest.raises(PerfError, match="nothing to compare"):
            gate(alone, alone, BOUND)


def spoiled(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The baseline's file with a change to its JSON."""
    save(BASELINE, path)
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    return path


def test_a_saved_result_gates_like_the_one_in_memory(tmp_path: Path) -> None:
    save(BASELINE, tmp_path / "baseline.json")
    outcomes = gate(load(tmp_path / "baseline.json"), BASELINE, BOUND)
    assert outcomes == gate(BASELINE, BASELINE, BOUND)
    assert passed(outcomes, strict=True)


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
    tmp_path: Path, change: Callable[[dict[str, Any]], object]
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
    """A leg with one bad latency has no figure: nothing may pass because of it."""
    path = spoiled(
        tmp_path / "result.json",
        lambda data: data["legs"][0]["rounds"][0].update(latencies_ms=[value, 100.0, 100.0]),
    )
    outcomes = gate(BASELINE, load(path), BOUND)
    assert [(each.what, each.state) for each in outcomes] == [("ensemble", "missing")]
    assert not passed(outcomes)


@pytest.mark.parametrize(
    "update", [{"seconds": math.nan}, {"seconds": -1.0}, {"seconds": 0.0}, {"errors": -12}]
)
def test_rounds_with_impossible_figures_never_pass_nor_break_the_gate(
    update: dict[str, float],
) -> None:
    legs = tuple(
        each.model_copy(update={"rounds": tuple(r.model_copy(update=update) for r in each.rounds)})
        for each in BASELINE.legs
    )
    p50, throughput = gate(BASELINE, BASELINE.model_copy(update={"legs": legs}), BOUND)
    assert p50.state == "ok"
    assert throughput.state == ("unclear" if "seconds" in update else "ok")
