"""The rounds of a comparison: every leg once a round, in an order of its own.

What a leg is measured with comes from outside, and so does what is done with the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from perf.compare.plan import order
from perf.errors import PerfError
from perf.result import Leg, LegResult, Mode, Round

Measure = Callable[[Leg, int], Round]
"""Measures a leg in a round; raises PerfError if it cannot."""


@dataclass
class Board:
    """What is known about each leg so far.

    Attributes:
        legs: those that are measured, in the order in which they are listed.
        rounds: leg -> its measured rounds.
        failures: leg -> why it is not measured any more.
    """

    legs: list[Leg]
    rounds: dict[Leg, list[Round]] = field(default_factory=dict)
    failures: dict[Leg, str] = field(default_factory=dict)

    def results(self) -> tuple[LegResult, ...]:
        """All of it."""
        return tuple(
            LegResult(
                leg=leg,
                rounds=tuple(self.rounds.get(leg, ())),
                failure=self.failures.get(leg),
            )
            for leg in self.legs
        )

    def throughput(self, leg: Leg | None) -> float | None:
        """A leg's, in requests a second, if it has been measured."""
        rounds = self.rounds.get(leg, []) if leg is not None else []
        return LegResult(leg=leg, rounds=tuple(rounds)).throughput if leg and rounds else None


def run_rounds(
    board: Board,
    measure: Measure,
    *,
    rounds: int,
    more: Callable[[Board], Sequence[Leg]],
    began: Callable[[str, int, int], None],
    measured: Callable[[str], None],
    seed: int = 0,
) -> None:
    """Measures all legs, round by round; a leg that failed is not tried again.

    Args:
        board: the legs; it is filled in.
        measure: measures one.
        rounds: how many.
        more: makes the legs that depend on the others' first measurement; they join at the end of
            round 0.
        began: is told what comes now, how many measurements were made, and how many there are.
        measured: is told in a line what came of it, once the board has it.
        seed: of the order.
    """
    done = 0

    def run(legs: Sequence[Leg], number: int) -> None:
        nonlocal done
        for leg in order(legs, number, seed):
            if leg in board.failures:
                continue
            total = done + sum(
                rounds - len(board.rounds.get(each, ()))
                for each in board.legs
                if each not in board.failures
            )
            name = f"round {number + 1} of {rounds}: {leg}"
            began(name, done, total)
            try:
                made = measure(leg, number)
            except PerfError as problem:
                board.failures[leg] = _sentence(problem)
                measured(f"{name}: failed: {board.failures[leg]}")
            else:
                board.rounds.setdefault(leg, []).append(made)
                measured(f"{name}: {_figures(made)}")
            done += 1

    for number in range(rounds):
        run(board.legs, number)
        if number == 0:
            late = list(more(board))
            board.legs += late
            run(late, number)


def fail_modes(board: Board, failures: Mapping[Mode, str]) -> None:
    """Every leg of a mode that could not be started fails with the mode's sentence."""
    for leg in board.legs:
        if leg.mode in failures:
            board.failures.setdefault(leg, failures[leg.mode])


def _figures(made: Round) -> str:
    text = f"p50 {made.percentile(50):.4g} ms, {made.throughput:.3g} requests a second"
    return text + (f", {made.errors} errors: {made.first_error}" if made.errors else "")


def _sentence(problem: PerfError) -> str:
    return str(problem).strip() or type(problem).__name__
