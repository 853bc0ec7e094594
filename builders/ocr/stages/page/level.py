"""Where a page's boxes stand when its rows are level.

In a photograph lines converge: rows at the top lean differently from those at the bottom. With one
angle for the page, the far end of a table's row comes nearer to the next row than to its own. Boxes
of a few letters do not show their direction, but rows do: three or more cells that follow each
other at one height. The slope of such rows, and its change down the page, is removed.
"""

from __future__ import annotations

import numpy as np

from ..lines import quads as q
from . import direction

AGREE = np.radians(8.0)
"""Lines of one page are within this angle, even if they converge in a photograph."""

NEARLY = 0.5
"""This part of what is written in the page's main direction may make another one the page's."""

CELL = 6.0
"""A cell is less than this many times as long as high: longer boxes are lines of running text."""

ALIKE = 1.6
"""Cells that follow each other in a row differ in height by this factor at most."""

SHARED = (0.7, 0.6, 0.5, 0.5)
"""What cells of a row share of the lower one's height, round by round: each straightens the page
a little more, and so can ask for less without taking the next row for the same."""

STEEPEST = 0.06
"""Rise over run of a row that leans: steeper ones are stairs, as a bar chart's figures."""

DOUBT = 0.1
"""What rows as wide as the page must outweigh before the page is taken to lean."""

ODD = 0.25
"""A cell that stands off its row by more than this part of its height counts for less."""


def level(quads: np.ndarray) -> np.ndarray:
    """Left, top, right and bottom of each quad in a frame in which the page's rows lie level.

    Words that run in directions of their own, as those under a chart's bars, do not turn the page.

    Args:
        quads: [n, 4, 2] in pixels, each from the corner where reading starts, clockwise.

    Returns:
        FP64 [n, 4], in pixels.
    """
    quads = np.asarray(quads, np.float64)
    angle = direction.skew(quads[_agreeing(quads)])
    cosine, sine = np.cos(angle), np.sin(angle)
    turned = quads @ np.array(((cosine, -sine), (sine, cosine)))
    for shared in SHARED:
        turned = _straightened(turned, shared)
    return np.concatenate((turned.min(1), turned.max(1)), axis=1)


def _agreeing(quads: np.ndarray) -> np.ndarray:
    """The boxes along whose direction most is written: BOOL [n].

    Where nearly as much is written along the image's sides, those boxes.
    """
    edges = quads[:, 1] - quads[:, 0]
    angles = np.arctan2(edges[:, 1], edges[:, 0])
    width, height = q.sizes(quads)
    # About as many letters as a box has.
    letters = width / np.maximum(height, 1.0)
    alike = np.abs((angles[:, None] - angles + np.pi) % (2 * np.pi) - np.pi) <= AGREE
    written = np.where(alike, letters, 0.0).sum(1)
    square = np.abs((angles + np.pi / 4) % (np.pi / 2) - np.pi / 4) <= AGREE
    if written[square].max(initial=0.0) >= NEARLY * written.max():
        written[~square] = 0.0
    return np.asarray(alike[written.argmax()])


def _straightened(quads: np.ndarray, shared: float) -> np.ndarray:
    """The quads, moved up or down by what the rows that are found lean by at each place."""
    boxes = np.concatenate((quads.min(1), quads.max(1)), axis=1)
    links = _links(boxes, shared)
    if not len(links):
        return quads
    middle, extent = (
        (boxes[:, :2].min(0) + boxes[:, 2:].max(0)) / 2,
        np.ptp(quads, (0, 1)).clip(1e-3),
    )
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    (x, y), (next_x, next_y) = centres[links[:, 0]].T, centres[links[:, 1]].T
    run, rise = next_x - x, next_y - y
    height = (boxes[links, 3] - boxes[links, 1]).min(1)
    # Slope a + b v, where v is from -1 at the page's top to 1 at its bottom.
    down = (y + next_y - 2 * middle[1]) / extent[1]
    rows = np.stack((run, run * down), 1)
    doubt = np.eye(2) * DOUBT * extent[0] ** 2
    slope = np.zeros(2)
    for _ in range(5):
        off = np.abs(rise - rows @ slope) / (ODD * height)
        weight = 1 / np.maximum(off, 1.0)
        slope = np.linalg.solve((rows.T * weight) @ rows + doubt, (rows.T * weight) @ rise)
    away = (centres - middle).T
    straight = quads.copy()
    straight[..., 1] -= ((slope[0] + slope[1] * 2 * away[1] / extent[1]) * away[0])[:, None]
    return straight


def _links(boxes: np.ndarray, shared: float) -> np.ndarray:
    """Neighbours in rows of three cells or more: INT64 [k, 2], the left one and the right one."""
    heights = boxes[:, 3] - boxes[:, 1]
    cells = np.flatnonzero(boxes[:, 2] - boxes[:, 0] < CELL * heights)
    left, top, right, bottom = boxes[cells].T
    height = heights[cells]
    lower, higher = np.minimum(height[:, None], height), np.maximum(height[:, None], height)
    overlap = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    beside = left[None, :] >= right[:, None] - lower / 2
    middle = np.stack(((left + right) / 2, (top + bottom) / 2))
    run, rise = middle[:, None, :] - middle[:, :, None]
    alike = (higher <= ALIKE * lower) & (np.abs(rise) <= STEEPEST * run)
    follows = beside & alike & (overlap >= shared * lower)
    apart = np.where(follows, left[None, :] - right[:, None], np.inf)
    np.fill_diagonal(apart, np.inf)
    if not np.isfinite(apart).any():
        return np.zeros((0, 2), np.int64)
    after, before = apart.argmin(1), apart.argmin(0)
    linked = np.isfinite(apart.min(1)) & (before[after] == np.arange(len(cells)))
    second = linked & np.isin(np.arange(len(cells)), after[linked])
    # A row of two says nothing: they may be lines of two columns of text.
    first = linked & second[after]
    kept = np.flatnonzero(first | second)
    return np.stack((cells[kept], cells[after[kept]]), 1)
