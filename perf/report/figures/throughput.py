"""Throughput against latency: a line a mode."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from perf.report.canvas import Drawing, Panel
from perf.report.figures.marks import MARGIN, beneath, limit, ticks
from perf.report.palette import MODES, MUTED
from perf.report.selection import loaders, modes, order, plain
from perf.report.verdict import LOADER_NAMES
from perf.result import LegResult, Mode, Result

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes


def throughput(result: Result) -> Drawing:
    """Over the concurrency sweep, and at Poisson arrivals; a panel for each loader."""
    legs = [each for each in result.legs if plain(each.leg) and result.doubt(each) is None]
    legs.sort(key=lambda each: order(each.leg))
    most = max((max(each.throughput for each in legs), 0)) if legs else 0.0
    longest = max((each.percentile(50) for each in legs), default=1.0)
    panels = []
    for loader in loaders(result):
        its = [each for each in legs if each.leg.loader == loader]
        if its:
            draw = partial(_draw, legs=its, shown=modes(result), limits=(most, longest))
            title = f"Driven by {LOADER_NAMES[loader]}"
            panels.append(Panel(title, 4.3, draw, left=0.8, bottom=1.1))
    caption = (
        "Answered requests a second against p50, medians over the rounds. A line joins a mode's "
        "concurrencies in rising order, with numbers beside the ensemble's; hollow marks are "
        "Poisson arrivals at a fixed mean rate. Further right and lower is better."
    )
    return Drawing("throughput", "Throughput against latency", caption, tuple(panels))


def _draw(
    axes: Axes, legs: Sequence[LegResult], shown: Sequence[Mode], limits: tuple[float, float]
) -> None:
    from matplotlib.lines import Line2D

    limit(axes, limits[0], "throughput, requests a second")
    axes.set_ylim(0, limits[1] * MARGIN)
    axes.set_yticks(*ticks(limits[1] * MARGIN, 7))
    axes.set_ylabel("latency p50, ms")
    axes.grid(axis="y")
    axes.tick_params(axis="y", labelcolor=MUTED)
    handles: list[Artist] = []
    for mode in shown:
        style = MODES[mode]
        its = [each for each in legs if each.leg.mode == mode]
        if not its:
            continue
        swept = [each for each in its if each.leg.load.kind == "concurrency"]
        poisson = [each for each in its if each.leg.load.kind == "request_rate"]
        look = {"color": style.light, "marker": style.marker, "clip_on": False}
        axes.plot(*_points(swept), **look, markersize=6)  # type: ignore[arg-type]
        hollow = {"linestyle": ":", "linewidth": 1, "markerfacecolor": "none", "markersize": 7}
        axes.plot(*_points(poisson), **look, **hollow)  # type: ignore[arg-type]
        if mode == "ensemble":
            _numbers(axes, swept)
        handles.append(Line2D([], [], color=style.light, marker=style.marker, label=style.label))
    beneath(axes, handles, 0.5)


def _points(legs: Sequence[LegResult]) -> tuple[list[float], list[float]]:
    return [each.throughput for each in legs], [each.percentile(50) for each in legs]


def _numbers(axes: Axes, legs: Sequence[LegResult]) -> None:
    for each in legs:
        axes.annotate(
            f"{each.leg.load.value:g}",
            (each.throughput, each.percentile(50)),
            xytext=(7, -3),
            textcoords="offset points",
            va="top",
            color=MODES["ensemble"].light,
            fontweight="bold",
        )
