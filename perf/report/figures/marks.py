"""What several drawings share: limits of axes, labels of rows, a legend of modes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from perf.judge.words import number
from perf.report.palette import LOOKS
from perf.result import Mode

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

MARGIN = 1.06
"""How far axes go beyond the largest value."""


def limit(axes: Axes, value: float, unit: str) -> None:
    """A horizontal axis from 0, with a grid and the unit beneath."""
    most = value * MARGIN if value > 0 else 1.0
    axes.set_xlim(0, most)
    axes.set_xticks(*ticks(most, 5))
    axes.grid(axis="x")
    axes.set_xlabel(unit)


def ticks(most: float, count: int) -> tuple[list[float], list[str]]:
    """At most so many steps from 0, within the axis, and their labels."""
    from matplotlib.ticker import MaxNLocator

    values = MaxNLocator(count, steps=[1, 2, 2.5, 5, 10]).tick_values(0, most)
    shown = [float(value) for value in values if 0 <= value <= most]
    return shown, [plain(value) for value in shown]


def plain(tick: float) -> str:
    """A tick without needless zeros."""
    return f"{tick:,.6g}" if abs(tick) < 1e6 else number(tick)


def rows(axes: Axes, places: Iterable[float], labels: Iterable[str], lines: float) -> None:
    """Rows from the top down: labels at places, and room for so many lines."""
    axes.set_yticks(list(places), list(labels))
    axes.set_ylim(lines - 0.5, -0.5)


def legend(axes: Axes, modes: Iterable[Mode], names: Mapping[Mode, str], inches: float) -> None:
    """A patch of colour for each mode, that far beneath the axes."""
    from matplotlib.patches import Patch

    patches = [Patch(facecolor=LOOKS[mode].light, label=names[mode]) for mode in modes]
    beneath(axes, patches, inches)


def beneath(axes: Axes, handles: Sequence[Artist], inches: float) -> None:
    """A legend that far beneath the axes, in up to three columns."""
    figure = axes.figure
    height = axes.get_position().height * figure.get_figheight()  # type: ignore[union-attr]
    axes.legend(
        handles=list(handles),
        loc="upper left",
        bbox_to_anchor=(-0.12, -inches / height),
        ncols=3,
        handlelength=1.1,
        columnspacing=1.2,
        borderpad=0,
    )
