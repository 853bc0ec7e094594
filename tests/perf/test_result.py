"""Which legs have a figure: those that answered in every round, steadily, by a clock that works."""

import os
from pathlib import Path

import pytest

from perf.errors import PerfError
from perf.result import Leg, LegResult, Load, Machine, Result, Round, load

LEG = Leg(mode="ensemble", load=Load(kind="concurrency", value=1), loader="loader")


def doubt(*rounds: tuple[float, ...], failure: str | None = None) -> str | None:
    measured = tuple(Round(number=n, latencies_ms=each, seconds=1) for n, each in enumerate(rounds))
    leg = LegResult(leg=LEG, rounds=measured, failure=failure)
    machine = Machine(system="", processor="", cores=1, memory_gib=1, load_before=0)
    return Result(
        pipeline="p",
        started="",
        repository=None,
        scenario={},
        machine=machine,
        software={},
        spread_limit=0.1,
        legs=(leg,),
    ).doubt(leg)


@pytest.mark.parametrize(
    ("rounds", "reason"),
    [
        ([], "no request was answered"),
        ([(), ()], "no request was answered"),
        ([(1.0,)], "measured once only"),
        ([(1.0,), (), (1.0,), ()], "no request was answered in round 1, 3"),
        ([(1.0,), (float("nan"),)], "finite"),
        ([(1.0,), (float("inf"),)], "finite"),
        ([(0.0,), (0.0,)], "above zero"),
        ([(1.0,), (2.0,)], "too unsteady: its p50 varied by ±33%"),
    ],
)
def test_no_figure_without_steady_answers_in_every_round(
    rounds: list[tuple[float, ...]], reason: str
) -> None:
    assert reason in str(doubt(*rounds))


def test_a_steady_leg_has_a_figure_unless_it_failed() -> None:
    assert doubt((1.0, 1.1), (1.0, 1.2)) is None
    assert doubt((1.0, 1.1), (1.0, 1.2), failure="The server ended.") == "The server ended."


def test_what_is_no_result_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    os.mkfifo(tmp_path / "pipe")
    for content in (b"[" * 1_000_000, b"\xff", b"", b"[]", b'{"legs": 5}'):
        path.write_bytes(content)
        with pytest.raises(PerfError, match="is not a result"):
            load(path)
    for other, said in ((tmp_path / "pipe", "a pipe"), (tmp_path / "no", "There is no result at")):
        with pytest.raises(PerfError, match=said):
            load(other)
