"""Throughput against latency: a line a mode."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from perf.judge.modes import labels, name_of
from perf.judge.selection import loaders, order, plain
from perf.judge.verdict import LOADER_NAMES
from perf.report.canvas import Drawing, Panel
from perf.report.figures.marks import MARGIN, beneath, limit, ticks
from perf.report.palette import LOOKS, MUTED, PAPER
from perf.result import Leg, LegResult, Mode, Result

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Point:
    """A leg's place; without a figure it is nowhere, and a line through it breaks."""

    leg: Leg
    sound: bool
    throughput: float
    p50: float

    @classmethod
    def of(cls, each: LegResult, sound: bool) -> Point:
        """Of a leg that has a figure or not."""
        if not sound:
            return cls(each.leg, False, math.nan, math.nan)
        return cls(each.leg, True, each.throughput, each.percentile(50))


def throughput(result: Result) -> Drawing:
    """Over the concurrency sweep, and at Poisson arrivals; a panel for each loader."""
    legs = sorted((e for e in result.legs if plain(e.leg)), key=lambda each: order(each.leg))
    points = [Point.of(each, result.doubt(each) is None) for each in legs]
    sound = [each for each in points if each.sound]
    limits = (
        max((each.throughput for each in sound), default=0.0),
        max((each.p50 for each in sound), default=0.0),
    )
    panels = []
    for loader in loaders(result):
        its = [each for each in points if each.leg.loader == loader]
        if any(each.sound for each in its):
            draw = partial(_draw, points=its, limits=limits, names=labels(result))
            title = f"Driven by {LOADER_NAMES[loader]}"
            panels.append(Panel(title, 4.3, draw, left=0.8, bottom=1.1))
    ours = name_of(result, "ensemble").phrase
    caption = (
        "Answered requests a second against p50, medians over the rounds. A line joins a mode's "
        f"concurrencies in rising order, numbered at {ours}'s marks, and is broken where one "
        "has no figure; hollow marks are Poisson arrivals at a fixed mean rate. Further right and "
        "lower is better."
    )
    title = "Throughput against latency"
    return Drawing("throughput", title, caption, "No leg has a figure.", tuple(panels))


def _draw(
    axes: Axes, points: Sequence[Point], limits: tuple[float, float], names: Mapping[Mode, str]
) -> None:
    from matplotlib.lines import Line2D

    limit(axes, limits[0], "throughput, requests a second")
    axes.set_ylim(0, limits[1] * MARGIN)
    axes.set_yticks(*ticks(limits[1] * MARGIN, 8))
    axes.set_ylabel("latency p50, ms")
    axes.grid(axis="y")
    axes.tick_params(axis="y", labelcolor=MUTED)
    handles: list[Artist] = []
    # The ensemble last, so that its numbers lie above the others' lines.
    for mode, label in reversed(list(names.items())):
        its = [each for each in points if each.leg.mode == mode]
        if any(each.sound for each in its):
            _line(axes, mode, its)
            style = LOOKS[mode]
            mark = Line2D([], [], color=style.light, marker=style.marker, label=label)
            handles.insert(0, mark)
    beneath(axes, handles, 0.5)


def _line(axes: Axes, mode: Mode, points: Sequence[Point]) -> None:
    style, numbered = LOOKS[mode], mode == "ensemble"
    swept = [each for each in points if each.leg.load.kind == "concurrency"]
    poisson = [each for each in points if each.leg.load.kind == "request_rate"]
    look = {"color": style.light, "marker": style.marker, "clip_on": False}
    x, y = _coordinates(swept)
    axes.plot(x, y, **look, markersize=10 if numbered else 6)  # type: ignore[arg-type]
    hollow = {"linestyle": ":", "linewidth": 1, "markerfacecolor": "none", "markersize": 7}
    axes.plot(*_coordinates(poisson), **look, **hollow)  # type: ignore[arg-type]
    for each in swept if numbered else ():
        if each.sound:
            axes.annotate(
                f"{each.leg.load.value:g}",
                (each.throughput, each.p50),
                ha="center",
                va="center_baseline",
                color=PAPER,
                fontsize=6.5,
                fontweight="bold",
            )


def _coordinates(points: Sequence[Point]) -> tuple[list[float], list[float]]:
    return [each.throughput for each in points], [each.p50 for each in points]
