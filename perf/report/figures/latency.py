"""Latency percentiles: a row for each leg, in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from perf.judge.modes import name_of
from perf.judge.ratios import variant
from perf.judge.selection import concurrencies, find, loaders, modes, plain
from perf.judge.verdict import LOADER_NAMES
from perf.judge.words import number
from perf.report.canvas import Drawing, Panel
from perf.report.figures.marks import MARGIN, limit, rows
from perf.report.palette import INK, LOOKS, MUTED
from perf.result import LegResult, Loader, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE = 0.235
"""A row's height in inches."""

SHAPES = ((99, 0.22, 0.45), (90, 0.46, 0.7), (50, 0.72, 1.0))
"""Percentile, height of its bar as a share of the row's, opacity; drawn in this order."""

WHISKERS = {99: 0.0, 50: 0.3}
"""Percentile -> how far below its row's middle its whisker is, clear of the other's."""

COLUMNS = {50: 1.13, 90: 1.30, 99: 1.47}
"""Where each percentile's figures end, as a share of the axes' width."""

ABSENT = "No leg ran at a fixed concurrency."

CLIP = 3.0
"""Bars end at so many times the greatest p50: one far p99 must not crush all others."""


@dataclass(frozen=True)
class Block:
    """Legs to be read together: a heading, and label, leg, and doubt of each."""

    heading: str
    legs: tuple[tuple[str, LegResult, str | None], ...]


def latency(result: Result) -> Drawing:
    """By mode, grouped by concurrency; a panel for each loader."""
    blocks: dict[Loader, list[Block]] = {loader: [] for loader in loaders(result)}
    for loader, its in blocks.items():
        for load in concurrencies(result):
            found = [find(result, mode, load, loader) for mode in modes(result)]
            legs = [(name_of(result, e.leg.mode).label, e, result.doubt(e)) for e in found if e]
            if legs:
                its.append(Block(str(load), tuple(legs)))
    limit_ms = _limit([block for its in blocks.values() for block in its])
    panels = [
        panel(f"Driven by {LOADER_NAMES[loader]}", its, limit_ms)
        for loader, its in blocks.items()
        if its
    ]
    caption = (
        "Latency in milliseconds, medians over the rounds. In each row the thick bar ends at p50, "
        "the middle one at p90, the thin one at p99; whiskers at p50 and p99 span the "
        "lowest and the highest round."
    )
    return Drawing("latency", "Latency", caption, ABSENT, tuple(panels))


def variants(result: Result) -> Drawing:
    """HTTP and shared memory against plain gRPC, where they were measured."""
    blocks = []
    special = [each for each in result.legs if not plain(each.leg)]
    for mode, load, loader in dict.fromkeys(
        (e.leg.mode, e.leg.load, e.leg.loader) for e in special
    ):
        same = [
            each
            for each in (find(result, mode, load, loader), *special)
            if each and (each.leg.mode, each.leg.load, each.leg.loader) == (mode, load, loader)
        ]
        legs = tuple((variant(each.leg), each, result.doubt(each)) for each in same)
        blocks.append(
            Block(f"{name_of(result, mode).label}, {load} ({LOADER_NAMES[loader]})", legs)
        )
    half = (len(blocks) + 1) // 2
    parts = [part for part in (blocks[:half], blocks[half:]) if part]
    panels = [panel("How tensors travel", part, _limit(blocks)) for part in parts]
    caption = (
        "Latency in milliseconds; thick, middle and thin bar: p50, p90, p99, as above. Shared "
        "memory is system shared memory."
    )
    absent = "Only plain gRPC was measured."
    return Drawing("variants", "Protocol and shared memory", caption, absent, tuple(panels))


def panel(title: str, blocks: Sequence[Block], limit_ms: float) -> Panel:
    """A row for each leg, with its figures beside it."""
    lines = sum(len(block.legs) + 1 for block in blocks)
    draw = partial(_draw, blocks=blocks, limit_ms=limit_ms)
    return Panel(title, lines * LINE + 1.0, draw, left=1.45, right=1.4, top=0.5)


def _limit(blocks: Sequence[Block]) -> float:
    legs = [leg for block in blocks for _, leg, doubt in block.legs if doubt is None]
    if not legs:
        return 0.0
    middle = max(leg.percentile(50) for leg in legs)
    return min(max(_range(leg, 99)[1] for leg in legs), CLIP * middle)


def _range(leg: LegResult, percent: float) -> tuple[float, float]:
    values = [each.percentile(percent) for each in leg.rounds]
    return min(values), max(values)


def _draw(axes: Axes, blocks: Sequence[Block], limit_ms: float) -> None:
    across = axes.get_yaxis_transform()
    limit(axes, limit_ms, "latency, ms")
    if not limit_ms:
        axes.set_xticks([])
    for percent, end in COLUMNS.items():
        axes.text(end, -0.6, f"p{percent}", transform=across, ha="right", va="bottom", color=MUTED)
    line, places, labels = 0, [], []
    for block in blocks:
        axes.text(
            -0.02, line + 0.1, block.heading, transform=across, ha="left", va="center", color=MUTED
        )
        line += 1
        for label, leg, doubt in block.legs:
            places.append(line)
            labels.append(label)
            if doubt is None:
                _row(axes, line, leg, limit_ms)
            else:
                axes.text(
                    0.015,
                    line,
                    "no figure",
                    transform=across,
                    va="center",
                    color=MUTED,
                    style="italic",
                )
            line += 1
    rows(axes, places, labels, line)


def _row(axes: Axes, line: int, leg: LegResult, limit_ms: float) -> None:
    style, across = LOOKS[leg.leg.mode], axes.get_yaxis_transform()
    for percent, height, opacity in SHAPES:
        low, high = _range(leg, percent)
        value = leg.percentile(percent)
        axes.barh(line, value, height, color=style.light, alpha=opacity, linewidth=0)
        axes.text(COLUMNS[percent], line, number(value), transform=across, ha="right", va="center")
        if percent in WHISKERS:
            at = line + WHISKERS[percent]
            axes.plot([low, high], [at, at], color=INK, linewidth=1.1, solid_capstyle="butt")
        if value > limit_ms * MARGIN:
            axes.text(1.0, line, "▸", transform=across, ha="right", va="center", color=INK)
