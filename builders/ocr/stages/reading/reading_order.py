"""The order in which a page's boxes are read.

A recursive cut, after Nagy's XY-cut, along columns first: the largest group of lines that one
empty gutter parts in two is split there, so that what lies above it (a heading across both columns)
comes first, then its left side, its right side, and what lies below. Where no gutter parts columns
of text, boxes are read row by row. Tables and receipts have gutters too, and are read by rows: a
gutter counts only between lines that fill their columns, or that do not stand side by side. A row
over all columns or under them, as a title or a page number, is read before or after them.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from . import rows

PROSE_ASPECT = 6.0
"""A column's lines are at least this many times as long as high: shorter ones are cells."""

FULL = 0.7
"""A line that fills this part of its column's width counts as full."""

PROSE_FULL = 0.5
"""A column of text has at least this part of its lines full."""

ALIGNED = 0.5
"""Two sides look like a table if this share of their lines stands beside a line of the other side.
For example, in a price list nearly every name on the left has a price at its height on the
right."""

LEVEL = 0.3
"""Lines whose middles are nearer than this part of their height stand in one row."""

SIDE_BY_SIDE = 0.5
"""Columns stand beside one another for at least this part of the lower one's height."""

BESIDE = 0.1
"""Lines that share less of their height than this, of the lower one, do not stand side by side."""

MINIMUM_LINES = 3
"""Fewer lines than this beside a gutter are not a column, unless they are running text."""

RUNNING = 4
"""So many lines of running text are a column, however short the one beside it is."""

MOST_CELLS = 6
"""More boxes side by side than this, for each line of running text, are a table."""

SCATTERED = 3.0
"""Lines that stand farther below one another than this, in heights, are no column of text."""

RUNS = 0.85
"""Running text fills its lines to this part of the column's width."""

RUNS_ON = 0.75
"""So many of its lines are full: others end a paragraph."""

WORD = 2.0
"""The words of a list beside text are so many times as long as high; marks and numbers are not."""

LIST_PITCH = 2.2
"""A list beside text has its lines no farther below one another than this, in heights."""

TITLE = 1.2
"""A title's type is this many times as high as the type of the lines under it."""

CENTRED = 0.02
"""A title's middle is off the page's by this part of its width at most."""

APART = 1.0
"""Paper between a title or a page number and the columns, in heights of their lines."""

FOOTER_APART = 2.5
"""As much paper over a line under all columns makes it a footer, wherever it begins."""


@dataclass(frozen=True)
class _Cut:
    """A gutter: the boxes on its sides, and those over and under it, by index."""

    above: np.ndarray
    left: np.ndarray
    right: np.ndarray
    below: np.ndarray

    @property
    def poorer(self) -> int:
        return min(len(self.left), len(self.right))

    @property
    def rank(self) -> tuple[bool, int, int]:
        """A gutter that nothing crosses is surer than others, with columns on both sides."""
        free = not len(self.above) + len(self.below) and self.poorer >= MINIMUM_LINES
        return free, self.poorer, len(self.left) + len(self.right)


def reading_order(boxes: np.ndarray) -> np.ndarray:
    """Indices of the boxes in reading order; it does not depend on the order they come in.

    Args:
        boxes: [n, 4] of left, top, right, bottom, upright and deskewed.

    Returns:
        INT64 [n].
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    canonical = np.lexsort((boxes[:, 3], boxes[:, 2], boxes[:, 0], boxes[:, 1]))
    return np.asarray(canonical[_order(boxes[canonical])])


def _order(boxes: np.ndarray) -> np.ndarray:
    cut = _best_cut(boxes)
    for ends, columns in ((_title(boxes), False), (_footer(boxes), True)):
        # Text above or below short columns hides that they are columns.
        if ends is not None and (cut or _best_cut(boxes[ends == columns])):
            first, last = np.flatnonzero(ends), np.flatnonzero(~ends)
            return np.concatenate([part[_order(boxes[part])] for part in (first, last)])
    if cut is None:
        return rows.by_rows(boxes)
    parts = (cut.above, cut.left, cut.right, cut.below)
    return np.concatenate([part[_order(boxes[part])] for part in parts if len(part)])


def _best_cut(boxes: np.ndarray) -> _Cut | None:
    """The gutter with the most lines on the side that has fewer; of equal ones the leftmost."""
    if len(boxes) <= MINIMUM_LINES:
        return None
    best: _Cut | None = None
    level = np.array([rows.at_height(boxes, box) for box in boxes])
    for x in _gutter_places(boxes):
        for cut in _cuts_at(boxes, level, x):
            if (best is None or cut.rank > best.rank) and _parts_columns(boxes, cut):
                best = cut
    return best


def _gutter_places(boxes: np.ndarray) -> np.ndarray:
    """One x in every gap of the lines' ends: just left of each left edge."""
    step = max(1e-3, float(np.median(boxes[:, 3] - boxes[:, 1])) / 4)
    first = boxes[:, 0].min()
    starts = np.unique(np.round((boxes[:, 0] - first) / step)) * step
    return np.asarray(first + starts[1:] - step / 2)


def _cuts_at(boxes: np.ndarray, level: np.ndarray, x: float) -> list[_Cut]:
    """The cuts along x: one between each two neighbours of the boxes that lie across it.

    Args:
        boxes: [n, 4].
        level: BOOL [n, n], which boxes stand at the height of which.
        x: of the gutter.
    """
    centres = (boxes[:, 1] + boxes[:, 3]) / 2
    slack = (boxes[:, 3] - boxes[:, 1]) / 4
    across = (boxes[:, 0] + slack < x) & (boxes[:, 2] - slack > x)
    on_left = (boxes[:, 0] + boxes[:, 2]) / 2 < x
    ordered = np.flatnonzero(across)[np.argsort(centres[across], kind="stable")].tolist()
    none = np.zeros(len(boxes), bool)
    cuts = []
    for over, under in itertools.pairwise([None, *ordered, None]):
        # What stands in a row with a box across the gutter stays with it.
        above, below = none, none
        if over is not None:
            above = (centres <= centres[over]) | level[over]
        if under is not None:
            below = (centres >= centres[under]) | level[under]
        between = ~(across | above | below)
        left, right = between & on_left, between & ~on_left
        counts = np.count_nonzero(left), np.count_nonzero(right)
        if min(counts) and max(counts) >= MINIMUM_LINES:
            parts = (above, left, right, below & ~above)
            cuts.append(_Cut(*(np.flatnonzero(part) for part in parts)))
    return cuts


def _parts_columns(boxes: np.ndarray, cut: _Cut) -> bool:
    """Whether a gutter has columns of text on its sides, not cells of a table."""
    left, right = boxes[cut.left], boxes[cut.right]
    if _side_by_side(left, right) < SIDE_BY_SIDE or _take_turns(left, right):
        return False
    if _row_of_cells(left, right):
        return False
    # A table that runs over the gutter has cells on both of its sides.
    if (_fills(left) and _is_prose(right)) or (_is_prose(left) and _fills(right)):
        return max(len(cut.left), len(cut.right)) >= RUNNING
    if cut.poorer < MINIMUM_LINES:
        return False
    if _aligned(left, right) < ALIGNED:
        return _pitch(left) <= SCATTERED and _pitch(right) <= SCATTERED
    return _is_list_beside(left, right) or _is_list_beside(right, left)


def _title(boxes: np.ndarray) -> np.ndarray | None:
    """Which boxes are a row over all others and belong to none of the columns under it."""
    row = _outer_row(boxes, boxes[:, 1], boxes[:, 3]) if len(boxes) else None
    if row is None:
        return None
    own, others = boxes[row], boxes[~row]
    height = float(np.median(others[:, 3] - others[:, 1]))
    apart = others[:, 1].min() - own[:, 3].max() >= APART * height / 2
    large = (own[:, 3] - own[:, 1]).min() >= TITLE * height
    loose = not _over_lines(own, others, height)
    centred = len(own) == 1 and _centred(own, others)
    return row if large or (apart and (loose or centred)) else None


def _footer(boxes: np.ndarray) -> np.ndarray | None:
    """Which boxes are not of a row under all others that belongs to none of the columns."""
    row = _outer_row(boxes, -boxes[:, 3], -boxes[:, 1]) if len(boxes) else None
    if row is None:
        return None
    own, others = boxes[row], boxes[~row]
    height = float(np.median(others[:, 3] - others[:, 1]))
    paper = own[:, 1].min() - others[:, 3].max()
    loose = not _over_lines(own, others, height) or _centred(own, others)
    found = paper >= FOOTER_APART * height or (loose and paper >= APART * height)
    return ~row if found else None


def _outer_row(boxes: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray | None:
    """Which boxes are a row above all others, by where they start and end; None if none is."""
    row = starts < ends[starts.argmin()] - (ends - starts)[starts.argmin()] / 2
    if row.all() or starts[~row].min() < ends[row].max() - (ends - starts)[~row].min() / 4:
        return None
    return np.asarray(row)


def _over_lines(own: np.ndarray, others: np.ndarray, height: float) -> bool:
    """Whether each box of a row starts where several lines of a column do."""
    others = others[others[:, 2] - others[:, 0] >= PROSE_ASPECT * (others[:, 3] - others[:, 1])]
    near = np.abs(own[:, None, 0] - others[None, :, 0]) <= height
    return bool((near.sum(1) >= 2).all())


def _centred(own: np.ndarray, others: np.ndarray) -> bool:
    left, right = others[:, 0].min(), others[:, 2].max()
    middle = (own[:, 0].min() + own[:, 2].max()) / 2
    return bool(abs(middle - (left + right) / 2) <= CENTRED * (right - left))


def _side_by_side(left: np.ndarray, right: np.ndarray) -> float:
    """The part of the lower side's height that lies beside the other."""
    shared = min(left[:, 3].max(), right[:, 3].max()) - max(left[:, 1].min(), right[:, 1].min())
    lower = min(float(np.ptp(side[:, [1, 3]])) for side in (left, right))
    return float(shared) / max(lower, 1e-6)


def _take_turns(left: np.ndarray, right: np.ndarray) -> bool:
    """Whether no line has one of the other side at its height, as in a chat's messages."""
    shared = np.minimum(left[:, None, 3], right[:, 3]) - np.maximum(left[:, None, 1], right[:, 1])
    height = min(float(np.median(side[:, 3] - side[:, 1])) for side in (left, right))
    return bool(shared.max() < BESIDE * height)


def _is_prose(boxes: np.ndarray) -> bool:
    """Whether a column has running text, beside the rows of a table perhaps."""
    alone = _alone(boxes)
    most = alone.sum() > 0 and len(boxes) <= (1 + MOST_CELLS) * alone.sum()
    return _fills(boxes) or (bool(most) and _fills(boxes[alone]))


def _fills(boxes: np.ndarray) -> bool:
    """Whether most lines are long, and as long as the column is wide."""
    widths = boxes[:, 2] - boxes[:, 0]
    heights = boxes[:, 3] - boxes[:, 1]
    long = float(np.median(widths / heights)) >= PROSE_ASPECT
    return long and float((widths >= FULL * np.quantile(widths, 0.9)).mean()) >= PROSE_FULL


def _alone(boxes: np.ndarray) -> np.ndarray:
    """Which boxes have no other at their height: BOOL [n]."""
    tops, bottoms = boxes[:, 1], boxes[:, 3]
    shared = np.minimum(bottoms[:, None], bottoms) - np.maximum(tops[:, None], tops)
    lower = np.minimum((bottoms - tops)[:, None], bottoms - tops)
    return np.asarray((shared >= lower / 2).sum(1) == 1)


def _row_of_cells(left: np.ndarray, right: np.ndarray) -> bool:
    """Whether a row of three cells or more reaches over the gutter, as the head of a table."""
    widths, heights = (
        np.concatenate((left[:, k + 2] - left[:, k], right[:, k + 2] - right[:, k])) for k in (0, 1)
    )
    boxes = np.concatenate((left, right))
    cells = widths < PROSE_ASPECT * heights
    centres = (boxes[:, 1] + boxes[:, 3]) / 2
    level = np.abs(centres[:, None] - centres) <= LEVEL * np.minimum(heights[:, None], heights)
    level &= cells[:, None] & cells
    on_left = np.arange(len(boxes)) < len(left)
    both = level[:, on_left].any(1) & level[:, ~on_left].any(1)
    return bool((both & (level.sum(1) >= 3)).any())


def _pitch(boxes: np.ndarray) -> float:
    """How far down the next line is, in heights of lines; the median."""
    height = float(np.median(boxes[:, 3] - boxes[:, 1]))
    steps = np.diff(np.sort((boxes[:, 1] + boxes[:, 3]) / 2)) / height
    steps = steps[steps >= 0.5]
    return float(np.median(steps)) if len(steps) else 0.0


def _is_list_beside(boxes: np.ndarray, text: np.ndarray) -> bool:
    """Whether a column is a list beside running text, as a page's menu, and not cells of its rows.

    Running text fills its lines, except the last one of a paragraph. The explanations in a table or
    a glossary do not, and not each of their lines has a word beside it.
    """
    widths, heights = (text[:, k + 2] - text[:, k] for k in (0, 1))
    full = widths[np.argsort(text[:, 1])][:-1] >= RUNS * np.quantile(widths, 0.9)
    runs = len(full) >= RUNNING and full.mean() >= RUNS_ON
    long = float(np.median(widths / heights)) >= 2 * PROSE_ASPECT
    words = float(np.median((boxes[:, 2] - boxes[:, 0]) / (boxes[:, 3] - boxes[:, 1]))) >= WORD
    return bool(runs and long and words) and max(_pitch(boxes), _pitch(text)) <= LIST_PITCH


def _aligned(left: np.ndarray, right: np.ndarray) -> float:
    """The part of the poorer side's lines that have a line of the other at their height."""
    fewer, more = sorted((left, right), key=len)
    centres = (fewer[:, 1] + fewer[:, 3]) / 2
    others = (more[:, 1] + more[:, 3]) / 2
    tolerance = LEVEL * float(np.median(fewer[:, 3] - fewer[:, 1]))
    return float((np.abs(centres[:, None] - others).min(1) <= tolerance).mean())
