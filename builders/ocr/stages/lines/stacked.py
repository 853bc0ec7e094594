"""Text that is set in columns, sign below sign, laid out as a line for the recogniser.

The recogniser reads lines. A column that is turned on its side shows it every sign turned too:
Chinese and Japanese are read so, with the marks and the small kana lost. Here a column is cut
between its signs, and they are set side by side.
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np

from ..reading import ways
from . import warp

LONG = 2.5
"""A column is at least this many times as high as wide."""

FULL = 0.74
"""Signs fill this part of their column's width, at the median; letters on their side, most of them
low ones, 0.55 to 0.7 of their line's height, in wide faces 0.78. What is read decides; this spares
most pages that lie on their side the time."""

ASKED = 6
"""How many columns are looked at, the longest."""

UPRIGHT = 0.97
"""The cosine of an angle (14 degrees) between a column and the image's own upright."""

PITCHES = 0.85, 1.6
"""From one sign to the next, in widths of the ink."""

UNEVEN = 0.25
"""By this part of their pitch signs may be nearer or farther."""

STIFFNESS = 0.5
"""What a pitch that is uneven by all of itself costs, in rows that are all ink."""


def columns(pyramid: warp.Pyramid, quads: np.ndarray) -> np.ndarray:
    """Which quads may be columns of signs, BOOL [n]: upright ones, if they look like that together.

    Args:
        pyramid: of the image.
        quads: [n, 4, 2] in pixels of the image.
    """
    edges = quads[:, 1] - quads[:, 0]
    lengths = np.linalg.norm(edges, axis=1)
    across = np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1)
    upright = (np.abs(edges[:, 1]) >= UPRIGHT * lengths) & (lengths >= LONG * across)
    asked = np.flatnonzero(upright)[np.argsort(-lengths[upright], kind="stable")[:ASKED]]
    filled = [part for quad in ways.downward(quads[asked]) for part in _cut(pyramid, quad)[1]]
    signs = bool(filled) and float(np.median(filled)) >= FULL
    return np.asarray(upright & signs)


def line(pyramid: warp.Pyramid, quad: np.ndarray) -> np.ndarray:
    """A column's signs side by side.

    Args:
        pyramid: of the image.
        quad: [4, 2], the edge 0-1 down the column.

    Returns:
        UINT8 [48, width, 3].
    """
    cells, _ = _cut(pyramid, quad)
    if not cells:
        return np.asarray(warp.blank()[0])
    row = np.concatenate([_centred(cell) for cell in cells], axis=1)
    return np.asarray(row[:, : warp.LARGEST_WIDTH])


def _cut(pyramid: warp.Pyramid, quad: np.ndarray) -> tuple[list[np.ndarray], list[float]]:
    """A column's cells, and what part of the column's width each one's ink fills."""
    length = int(warp.crop_widths(quad[None])[0])
    column = pyramid.crop(quad[[3, 0, 1, 2]], warp.HEIGHT, length)
    ink = _ink(column)
    rows, places = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    if not len(rows):
        return [], []
    width = int(places[-1] - places[0] + 1)
    profile = ink[rows[0] : rows[-1] + 1].mean(1)
    pitch = _pitch(profile, width)
    cuts = rows[0] + _cuts(profile, pitch)
    middle = int(places[0] + places[-1]) // 2
    left = min(max(middle - pitch // 2, 0), warp.HEIGHT - pitch)
    cells, filled = [], []
    for top, bottom in itertools.pairwise(cuts.tolist()):
        cells.append(column[top:bottom, left : left + pitch])
        inked = np.flatnonzero(ink[top:bottom].any(0))
        filled.append(float(np.ptp(inked) + 1) / width if len(inked) else 0.0)
    return cells, filled


def _ink(column: np.ndarray) -> np.ndarray:
    """BOOL [length, width]."""
    grey = cv2.cvtColor(column, cv2.COLOR_RGB2GRAY)
    level, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    ink = grey <= level
    return np.asarray(~ink if 2 * np.count_nonzero(ink) > ink.size else ink)


def _pitch(profile: np.ndarray, width: int) -> int:
    """Rows from one sign to the next: where the ink's profile is most like itself."""
    first, last = (round(each * width) for each in PITCHES)
    first = max(first, 8)
    last = min(max(last, first + 1), warp.HEIGHT)
    if len(profile) < 2 * first:
        return min(max(len(profile), first), warp.HEIGHT)
    centred = profile - profile.mean()
    lags = range(first, min(last, len(profile) // 2) + 1)
    alike = [float((centred[lag:] * centred[:-lag]).mean()) for lag in lags]
    return lags[int(np.argmax(alike))]


def _cuts(profile: np.ndarray, pitch: int) -> np.ndarray:
    """Rows between the signs, first and last included, that cross the least ink."""
    near, far = max(1, round(pitch * (1 - UNEVEN))), round(pitch * (1 + UNEVEN))
    steps = np.arange(near, far + 1)
    penalty = STIFFNESS * ((steps - pitch) / pitch) ** 2
    end = len(profile)
    ink = np.concatenate((np.zeros(far), [0.0], profile[1:], [0.0], np.zeros(far)))
    # A column may begin and end within a cell: small marks do not fill theirs.
    cost = np.full(far + end + far + 1, np.inf)
    origin = np.zeros(len(cost), np.int64)
    cost[far - pitch // 2 : far + 1] = 0.0
    for row in range(far + 1, len(cost)):
        before = cost[row - steps] + penalty
        best = int(before.argmin())
        if before[best] + ink[row] < cost[row]:
            cost[row], origin[row] = before[best] + ink[row], row - steps[best]
    row = far + end + int(np.argmin(cost[far + end : far + end + pitch // 2 + 1]))
    cuts = [row]
    while origin[row]:
        row = int(origin[row])
        cuts.append(row)
    return np.asarray(np.clip(np.array(cuts[::-1]) - far, 0, None))


def _centred(cell: np.ndarray) -> np.ndarray:
    """A cell at the recogniser's height, paper over and under it."""
    if len(cell) > warp.HEIGHT:
        size = (cell.shape[1], warp.HEIGHT)
        return np.asarray(cv2.resize(cell, size, interpolation=cv2.INTER_AREA))
    over = (warp.HEIGHT - len(cell)) // 2
    under = warp.HEIGHT - len(cell) - over
    return np.asarray(cv2.copyMakeBorder(cell, over, under, 0, 0, cv2.BORDER_REPLICATE))
