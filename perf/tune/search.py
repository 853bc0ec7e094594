"""Finds the best settings within a budget of time, and does not take noise for a gain.

Coordinate descent, block by block, measures each candidate once beside the present settings; the
best few are then measured with the present ones in turns, round after round, and the worse ones
drop out (successive halving: Jamieson and Talwalkar, AISTATS 2016). A candidate wins if the ratio
to the present settings, of those later rounds alone, is above one with confidence: the first round
chose it, so it flatters it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from perf.errors import LegFailed
from perf.measure.loader import Sample
from perf.tune.row import Objective, Row, throughput
from perf.tune.settings import Settings
from perf.tune.space import Block

Measure = Callable[[Settings], Sample]
"""Serves with the settings and sends the fixed load. Raises LegFailed if that cannot be."""

GAIN = 1.02
"""A smaller gain is not worth another setting."""

EXPLORING = 0.6
"""The share of the budget after which no new candidate is tried."""

CHANCE = 0.9
"""A candidate whose one ratio to the present settings was below this is not tried again."""

BEHIND = 0.6
"""Nor one whose ratio was below such a share of the best one's."""

TOGETHER = 4
"""Candidates measured for each time that the present settings are, while exploring."""

BUDGET = "the budget ended"
LATE = "not tried: the budget did not reach so far"

FINALISTS = 3
ROUNDS = (5, 12)
"""The least rounds for an early end, and the most."""


@dataclass
class Search:
    """A search under way; its rows hold what is known so far.

    Attributes:
        present: the present settings.
        measure: measures settings once.
        objective: what shall be better.
        deadline: no measurement begins that would end after it, by ``clock``.
        refuse: why settings must not be tried, or None if they may be.
        report: gets a line for each measurement.
        clock: seconds.
        rows: every candidate so far, the present settings first.
        ended: why the search ended before it was done, if it did.
    """

    present: Settings
    measure: Measure
    objective: Objective
    deadline: float
    refuse: Callable[[Settings], str | None] = lambda settings: None
    report: Callable[[str], None] = lambda line: None
    clock: Callable[[], float] = time.monotonic
    rows: list[Row] = field(default_factory=list)
    ended: str | None = None
    _round: int = 0
    _costs: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._start = self.clock()
        self.rows.append(Row(self.present))

    def run(self, blocks: Sequence[Block]) -> Row | None:
        """The winner; None if the present settings stay.

        Raises:
            LegFailed: the present settings cannot be measured, or not before the deadline.
        """
        self._explore(blocks)
        finalists = self._finalists()
        while finalists and self._round_of(finalists, final=True):
            finalists = self._keep(finalists)
            if self._is_decided(finalists):
                break
        best = max(self._sound(finalists), key=self._gain, default=None)
        return best if best is not None and self._wins(best) else None

    def _explore(self, blocks: Sequence[Block]) -> None:
        pause = self._start + EXPLORING * (self.deadline - self._start)
        for block in blocks:
            best = max(self._sound(self.rows[1:]), key=self._gain, default=self.rows[0])
            # Noise must not lead the next block astray.
            around = best if best is not self.rows[0] and self._gain(best) > GAIN else self.rows[0]
            known = {row.settings for row in self.rows}
            new = [
                Row(each, failure=self.refuse(each))
                for each in dict.fromkeys(block(around.settings))
                if each not in known
            ]
            self.rows += new
            new = [row for row in new if row.failure is None]
            for start in range(0, len(new), TOGETHER):
                if self.clock() > pause or not self._round_of(new[start : start + TOGETHER]):
                    self._give_up(new[start:])
                    break

    def _give_up(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if not row.samples and row.failure is None:
                row.failure = LATE

    def _round_of(self, rows: Sequence[Row], *, final: bool = False) -> bool:
        """Measures the present settings and those rows once; False if the budget has ended."""
        number, self._round = self._round, self._round + 1
        turns = [self.rows[0], *(row for row in rows if row.failure is None)]
        turned = number % len(turns) if final else 0
        for row in (*turns[turned:], *turns[:turned]):
            if self._costs and self.clock() + float(np.mean(self._costs)) > self.deadline:
                self.ended = BUDGET
                return False
            started = self.clock()
            self._measure(row, number)
            if number in row.samples:
                self._costs.append(self.clock() - started)
                if final:
                    row.final.add(number)
        return True

    def _measure(self, row: Row, number: int) -> None:
        try:
            sample = self.measure(row.settings)
        except LegFailed as failure:
            if row is self.rows[0]:
                raise LegFailed(f"The present settings cannot be measured: {failure}") from None
            row.failure = str(failure)
            self.report(f"{row.settings}: {failure}")
            return
        row.samples[number] = sample
        if sample.errors and row is not self.rows[0]:
            row.failure = f"{sample.errors} errors, the first: {sample.first_error}"
        self.report(
            f"{row.settings}: {throughput(sample):.3g} a second"
            + (f", {sample.errors} errors" if sample.errors else "")
        )

    def _finalists(self) -> list[Row]:
        sound = sorted(self._sound(self.rows[1:]), key=self._gain, reverse=True)
        least = max([CHANCE, *(BEHIND * self._gain(row) for row in sound)])
        return [row for row in sound if self._gain(row) > least][:FINALISTS]

    def _keep(self, finalists: Sequence[Row]) -> list[Row]:
        """The better half, after every second round."""
        sound = sorted(self._sound(finalists), key=self._gain, reverse=True)
        rounds = len(sound[0].final) if sound else 0
        return sound[: (len(sound) + 1) // 2] if rounds and rounds % 2 == 0 else sound

    def _is_decided(self, finalists: Sequence[Row]) -> bool:
        if not finalists:
            return True
        least, most = ROUNDS
        rounds = len(finalists[0].final)
        gains = [row.gain(self.rows[0], self.objective) for row in finalists]
        clear = len(gains) == 1 and gains[0].low > GAIN
        return rounds >= most or (rounds >= least and (clear or all(g.high < GAIN for g in gains)))

    def _sound(self, rows: Sequence[Row]) -> list[Row]:
        return [row for row in rows if row.failure is None and not math.isnan(self._gain(row))]

    def _gain(self, row: Row) -> float:
        return row.gain(self.rows[0], self.objective).value

    def _wins(self, row: Row) -> bool:
        gain = row.gain(self.rows[0], self.objective)
        return len(row.final) > 1 and gain.value >= GAIN and gain.low > 1
