"""Rounds with fake measurements: who is measured when, and what becomes of one that fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from perf.compare.rounds import Board, fail_modes, run_rounds
from perf.errors import LegFailed
from perf.result import Leg, Load, Round


def leg(mode: str, value: int = 1) -> Leg:
    return Leg.model_validate(
        {"mode": mode, "load": Load(kind="concurrency", value=value), "loader": "loader"}
    )


A, B, LATE = leg("ensemble"), leg("services"), leg("bls", 2)


def made(number: int, errors: int = 0) -> Round:
    return Round(
        number=number,
        latencies_ms=(10.0, 12.0),
        seconds=0.5,
        errors=errors,
        first_error="refused" if errors else None,
    )


class Course:
    """Runs rounds with a fake, and keeps what was told."""

    def __init__(self, *legs: Leg) -> None:
        self.board = Board(list(legs))
        self.calls: list[tuple[Leg, int]] = []
        self.lines: list[str] = []
        self.totals: list[tuple[int, int]] = []

    def run(
        self,
        measure: Callable[[Leg, int], Round],
        rounds: int = 3,
        late: tuple[Leg, ...] = (),
    ) -> None:
        def counted(each: Leg, number: int) -> Round:
            self.calls.append((each, number))
            return measure(each, number)

        run_rounds(
            self.board,
            counted,
            rounds=rounds,
            more=lambda board: late,
            began=lambda what, done, total: self.totals.append((done, total)),
            measured=self.lines.append,
        )


def test_every_leg_is_measured_once_a_round_and_late_ones_join_the_first() -> None:
    course = Course(A, B)
    course.run(lambda each, number: made(number), late=(LATE,))
    assert Counter(course.calls) == {(each, n): 1 for each in (A, B, LATE) for n in range(3)}
    assert course.calls[2] == (LATE, 0)
    assert [each.leg for each in course.board.results()] == [A, B, LATE]
    assert [each.number for each in course.board.results()[2].rounds] == [0, 1, 2]
    assert course.totals[0] == (0, 6)
    assert course.totals[-1] == (8, 9)
    assert course.lines[0].startswith("round 1 of 3: ")
    assert "p50 11 ms, 4 requests a second" in course.lines[0]


def test_a_leg_that_fails_is_tried_no_more_and_keeps_its_rounds() -> None:
    def measure(each: Leg, number: int) -> Round:
        if each == B and number == 1:
            raise LegFailed("its server ended")
        return made(number)

    course = Course(A, B)
    course.run(measure, rounds=4)
    assert Counter(each for each, _ in course.calls) == {A: 4, B: 2}
    first, second = course.board.results()
    assert (len(first.rounds), first.failure) == (4, None)
    assert (len(second.rounds), second.failure) == (1, "its server ended")
    assert any("failed: its server ended" in line for line in course.lines)
    assert course.totals[-1] == (5, 6)


def test_all_legs_may_fail() -> None:
    def measure(each: Leg, number: int) -> Round:
        raise LegFailed(f"no {each.mode}")

    course = Course(A, B)
    course.run(measure)
    assert len(course.calls) == 2
    assert [each.failure for each in course.board.results()] == ["no ensemble", "no services"]


def test_a_mode_that_did_not_start_fails_before_it_is_measured() -> None:
    course = Course(A, B, leg("services", 4))
    fail_modes(course.board, {"services": "no gateway"})
    course.run(lambda each, number: made(number))
    assert {each for each, _ in course.calls} == {A}
    assert [each.failure for each in course.board.results()] == [None, "no gateway", "no gateway"]


def test_errors_among_the_answers_are_told() -> None:
    course = Course(A)
    course.run(lambda each, number: made(number, errors=2))
    assert "2 errors: refused" in course.lines[0]


def test_what_nobody_foresaw_ends_the_rounds() -> None:
    def measure(each: Leg, number: int) -> Round:
        raise KeyboardInterrupt

    course = Course(A, B)
    with pytest.raises(KeyboardInterrupt):
        course.run(measure)
    assert len(course.calls) == 1
    assert course.board.throughput(A) is None


def test_a_throughput_is_known_once_it_was_measured() -> None:
    course = Course(A)
    course.run(lambda each, number: made(number))
    assert course.board.throughput(A) == 4
    assert course.board.throughput(B) is None
    assert course.board.throughput(None) is None
