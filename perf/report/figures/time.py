"""Where the time goes: by kind at the lowest and the highest concurrency, and by step."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from perf.judge.modes import labels
from perf.judge.selection import common, concurrencies
from perf.judge.verdict import LOADER_NAMES
from perf.report.breakdown import Breakdown, breakdown
from perf.report.canvas import Drawing, Panel
from perf.report.figures.grouped import Bar, grouped
from perf.report.figures.marks import beneath, limit, rows
from perf.report.palette import INK, KINDS
from perf.result import Load, Loader, Mode, Result

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes


def splits(result: Result, load: Load) -> tuple[Loader, dict[Mode, Breakdown]] | None:
    """The breakdowns of the modes that have one, all under one loader; in process has no servers,
    so no statistics."""
    found = common(result, load)
    if found is None:
        return None
    loader, legs = found
    split = {mode: breakdown(leg) for mode, leg in legs.items()}
    known = {mode: each for mode, each in split.items() if each}
    return (loader, known) if known else None


def time(result: Result) -> Drawing:
    """Stacked bars by kind, a row a mode; then each step's time, modes side by side."""
    loads, names = concurrencies(result), labels(result)
    ends = list(dict.fromkeys((loads[0], loads[-1]))) if loads else []
    found = [(load, split) for load in ends if (split := splits(result, load))]
    panels = []
    for load, (loader, modes) in found:
        draw = partial(_draw, modes=modes, names=names)
        title = f"By kind, at {load}, driven by {LOADER_NAMES[loader]}"
        panels.append(Panel(title, len(modes) * 0.36 + 1.75, draw, bottom=1.2))
    if found:
        load, (_, modes) = found[0]
        steps = list(dict.fromkeys(step for each in modes.values() for step in each.steps))
        series = {
            mode: {step: Bar(sum(kinds.values())) for step, kinds in each.steps.items()}
            for mode, each in modes.items()
        }
        title = f"By step, at {load}: queue, copies and compute"
        panels.append(grouped(title, steps, series, "ms for one request", names))
    every = [each for _, (_, its) in found for each in its.values()]
    absent = "No leg at a fixed concurrency has both a figure and its servers' statistics."
    return Drawing("time", "Where the time goes", _caption(every), absent, tuple(panels))


def _caption(every: list[Breakdown]) -> str:
    caption = (
        "From the servers' own statistics, for one request of the pipeline; medians over the "
        "rounds. The mark is the mean latency that the client measured: the statistics are sums, "
        "so they can be compared with means only. “Between the steps” is time in the pipeline's "
        "server or gateway outside its steps; if neither tells, it is part of the last kind."
    )
    if any(each.overlap for each in every):
        caption += (
            " Where a bar passes its mark, calls ran side by side or in one batch, whose time "
            "counts for each of them: together they took longer than the request."
        )
    return caption


def _draw(axes: Axes, modes: Mapping[Mode, Breakdown], names: Mapping[Mode, str]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    longest = max(max(sum(e.kinds.values()), e.latency) for e in modes.values())
    limit(axes, longest, "ms for one request")
    for line, each in enumerate(modes.values()):
        start = 0.0
        for kind, value in each.kinds.items():
            axes.barh(line, value, 0.62, left=start, color=KINDS[kind][0], linewidth=0)
            start += value
        axes.plot([each.latency] * 2, [line - 0.45, line + 0.45], color=INK, linewidth=2)
    rows(axes, range(len(modes)), [names[mode] for mode in modes], len(modes))
    handles: list[Artist] = [Patch(facecolor=pair[0], label=kind) for kind, pair in KINDS.items()]
    mark = Line2D([], [], color=INK, marker="|", linestyle="none", label="measured latency")
    beneath(axes, [*handles, mark], 0.5)
