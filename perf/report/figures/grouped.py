"""Rows with a thin bar for each mode: steps, parts, cold starts, loads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from perf.judge.words import number, short
from perf.report.canvas import Panel
from perf.report.figures.marks import legend, limit, rows
from perf.report.palette import INK, LOOKS, MUTED
from perf.result import Mode

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAR, GAP = 0.15, 0.11
"""The height of a bar, and of the space between rows, in inches."""


@dataclass(frozen=True)
class Bar:
    """One bar.

    Attributes:
        value: where the solid part ends.
        beyond: where a lighter part ends.
        span: of a whisker.
    """

    value: float
    beyond: float = 0.0
    span: tuple[float, float] | None = None


def grouped(
    title: str,
    labels: Sequence[str],
    series: Mapping[Mode, Mapping[str, Bar]],
    unit: str,
    names: Mapping[Mode, str],
) -> Panel:
    """A panel with a row for each label, and in it a bar for each mode that has one."""
    counts = [sum(label in bars for bars in series.values()) for label in labels]
    height = sum(counts) * BAR + len(labels) * GAP + 1.65
    draw = partial(_draw, labels=labels, series=series, unit=unit, names=names)
    return Panel(title, height, draw, left=1.5, right=0.75, bottom=1.18)


def _draw(
    axes: Axes,
    labels: Sequence[str],
    series: Mapping[Mode, Mapping[str, Bar]],
    unit: str,
    names: Mapping[Mode, str],
) -> None:
    every = [bar for bars in series.values() for bar in bars.values()]
    limit(axes, max((_end(bar) for bar in every), default=0.0), unit)
    place, middles = 0.0, []
    for label in labels:
        present = [mode for mode in series if label in series[mode]]
        middles.append(place + (len(present) - 1) / 2)
        for mode in present:
            _bar(axes, place, series[mode][label], LOOKS[mode].light)
            place += 1
        place += GAP / BAR
    rows(axes, middles, [short(label, 22) for label in labels], place - GAP / BAR)
    legend(axes, series, names, 0.46)


def _bar(axes: Axes, place: float, bar: Bar, colour: str) -> None:
    axes.barh(place, bar.beyond, 0.86, color=colour, alpha=0.35, linewidth=0)
    axes.barh(place, bar.value, 0.86, color=colour, linewidth=0)
    if bar.span:
        axes.plot(bar.span, (place, place), color=INK, linewidth=0.9, solid_capstyle="butt")
    axes.annotate(
        number(bar.value) if not 0 < bar.value < 0.001 else "<0.001",
        (_end(bar), place),
        xytext=(3, 0),
        textcoords="offset points",
        va="center",
        fontsize=6.5,
        color=MUTED,
    )


def _end(bar: Bar) -> float:
    return max(bar.value, bar.beyond, bar.span[1] if bar.span else 0.0)
