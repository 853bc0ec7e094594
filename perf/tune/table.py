"""Every candidate that was tried, as a table for people and one for programs."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

from perf.judge.estimate import Estimate
from perf.tune.row import Objective, Row
from repository.table import Column, Table

HEAD = (
    "settings",
    "requests/s",
    "p50 ms",
    "p99 ms",
    "spread",
    "errors",
    "gain over present",
    "rounds",
)


def lines(rows: Sequence[Row], objective: Objective, winner: Row | None) -> list[list[str]]:
    """A line for each row, under :data:`HEAD`; the present settings first, then the best first.

    A candidate's settings are those that differ from the present ones.

    If a row is out, its last column says why.
    """
    present = rows[0]
    made = []
    for row in ordered(rows, objective):
        gain = row.gain(present, objective)
        note = str(len(row.samples)) if row.samples else ""
        if row.failure:
            note = f"{note}; {row.failure}" if note else row.failure
        made.append(
            [
                f"{row.settings} (present)"
                if row is present
                else row.settings.beside(present.settings) + " (winner)" * (row is winner),
                _figure(row.throughput),
                _figure(row.percentile(50)),
                _figure(row.percentile(99)),
                _share(row.spread(objective)),
                str(row.errors) if row.samples else "",
                "1" if row is present else _ratio(gain),
                note,
            ]
        )
    return made


def ordered(rows: Sequence[Row], objective: Objective) -> list[Row]:
    """The present settings, then the best first; those without a figure last."""

    def place(row: Row) -> tuple[bool, float]:
        value = row.gain(rows[0], objective).value
        return (math.isnan(value), 0 if math.isnan(value) else -value)

    return [rows[0], *sorted(rows[1:], key=place)]


def markdown(body: Sequence[Sequence[str]]) -> str:
    """The table as Markdown."""
    cells = [HEAD, ["---"] * len(HEAD), *body]
    return "".join(f"| {' | '.join(_cell(cell) for cell in row)} |\n" for row in cells)


def table(body: Sequence[Sequence[str]]) -> Table:
    """The table for a terminal."""
    first, *figures, last = HEAD
    columns = (
        Column(first, folds=True),
        *(Column(each, right=True) for each in figures),
        Column(last, folds=True),
    )
    return Table(columns, body)


def as_csv(rows: Sequence[Row], objective: Objective) -> str:
    """All figures, a line for each row; empty if there is no figure."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(
        [
            "instances",
            "threads",
            "max_batch_size",
            "batching",
            "preferred_sizes",
            "delay_microseconds",
            "throughput",
            "p50_ms",
            "p99_ms",
            "spread",
            "errors",
            "gain",
            "gain_low",
            "gain_high",
            "rounds",
            "failure",
        ]
    )
    for row in ordered(rows, objective):
        at = row.settings
        gain = row.gain(rows[0], objective)
        figures = (
            *(row.throughput, row.percentile(50), row.percentile(99), row.spread(objective)),
            *(row.errors if row.samples else math.nan, gain.value),
            *((gain.low, gain.high) if gain.known else (math.nan, math.nan)),
        )
        writer.writerow(
            [
                *("" if part is None else part for part in (at.instances, at.threads)),
                "" if at.max_batch_size is None else at.max_batch_size,
                "" if at.batching is None else str(at.batching).lower(),
                *(
                    (" ".join(map(str, at.preferred_sizes)), at.delay_microseconds)
                    if at.batching
                    else ("", "")
                ),
                *("" if math.isnan(figure) else f"{figure:.6g}" for figure in figures),
                len(row.samples),
                row.failure or "",
            ]
        )
    return buffer.getvalue()


def _figure(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _share(value: float) -> str:
    return "" if math.isnan(value) else f"±{value:.0%}"


def _ratio(gain: Estimate) -> str:
    if math.isnan(gain.value):
        return ""
    if not gain.known:  # measured once
        return f"{gain.value:.2f}"
    return str(gain) if gain.high < 10 * gain.value else f"{gain.value:.2f} (too few rounds)"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
