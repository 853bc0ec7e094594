"""Lines that are longer than the recogniser takes are cut between words, and their texts joined."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from . import warp

WIDTH = 2400
"""The width of a piece, in pixels at the recogniser's height, about."""

MOST = 200
"""Pieces of all long lines of a request. More are no lines that could be read, and stay whole."""

WINDOW = 400
"""A cut is looked for so many pixels to either side of where equal pieces would end."""

WORD_GAP = 10
"""Paper of this width, in pixels at the recogniser's height, is a space."""

CONTRAST = 0.35
"""Ink differs from the paper by this part of what the line's strongest ink does."""


@dataclass(frozen=True)
class Pieces:
    """What is to be cropped.

    Attributes:
        quads: FP32 [s, 4, 2].
        lines: INT64 [s], the line of each, ascending.
        apart: BOOL [s], whether a space stands before it in its line.
    """

    quads: np.ndarray
    lines: np.ndarray
    apart: np.ndarray


def cut(greys: warp.Pyramid, quads: np.ndarray, may: np.ndarray) -> Pieces:
    """The quads, those too long for one crop in pieces.

    Args:
        greys: the image in greys.
        quads: FP32 [n, 4, 2] in pixels.
        may: BOOL [n], which may be cut.
    """
    lengths = np.where(may, warp.undistorted(quads), 0.0)
    long = lengths > warp.LARGEST_WIDTH
    if not long.any() or np.ceil(lengths[long] / WIDTH).sum() > MOST:
        return Pieces(quads, np.arange(len(quads)), np.zeros(len(quads), bool))
    pieces, lines, apart = [], [], []
    for line, (quad, length) in enumerate(zip(quads, lengths.tolist(), strict=True)):
        if length <= warp.LARGEST_WIDTH:
            pieces.append(quad)
            lines.append(line)
            apart.append(False)
            continue
        cuts = _cuts(greys, quad, length)
        ends = [0.0, *(place for place, _ in cuts), length]
        pieces += [_part(quad, *pair, length) for pair in itertools.pairwise(ends)]
        lines += [line] * (1 + len(cuts))
        apart += [False, *(space for _, space in cuts)]
    return Pieces(np.array(pieces, np.float32), np.array(lines), np.array(apart, bool))


def _cuts(pyramid: warp.Pyramid, quad: np.ndarray, length: float) -> list[tuple[float, bool]]:
    """Where a line is cut, in pixels of its crop, and whether a space stands there."""
    count = int(-(-length // WIDTH))
    found = []
    for number in range(1, count):
        first = number * length / count - WINDOW
        part = _part(quad, first, first + 2 * WINDOW, length)
        place, space = _gap(pyramid.crop(part, 2 * WINDOW))
        found.append((first + place, space))
    return found


def _part(quad: np.ndarray, first: float, last: float, length: float) -> np.ndarray:
    """A line from one place to another, of its length."""
    top, bottom = (quad[1] - quad[0]) / length, (quad[2] - quad[3]) / length
    corners = (
        quad[0] + first * top,
        quad[0] + last * top,
        quad[3] + last * bottom,
        quad[3] + first * bottom,
    )
    return np.array(corners, np.float32)


def _gap(crop: np.ndarray) -> tuple[float, bool]:
    """The middle of the widest gap in a piece of a line, in pixels, and whether it is a space."""
    grey = crop.astype(np.int16)
    inside = grey[warp.HEIGHT // 6 : -(warp.HEIGHT // 6)]
    ink = np.abs(inside - int(np.median(grey))).max(0)
    clear = ink <= CONTRAST * max(float(ink.max()), 1.0)
    if not clear.any():
        return float(ink.argmin()), False
    edges = np.flatnonzero(np.diff(np.concatenate(([0], clear.astype(np.int8), [0]))))
    starts, stops = edges[::2], edges[1::2]
    widest = int((stops - starts).argmax())
    return float(starts[widest] + stops[widest]) / 2, bool(
        stops[widest] - starts[widest] >= WORD_GAP
    )
