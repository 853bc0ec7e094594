"""Readings that exclude each other: what is read decides which end of a page or a line is up.

The classifier is wrong on pages of small, blurred or oblique type: it calls upright ones upside
down. If its votes are not clear, the page is read both ways. So is every line that does not run
along the page's, such as words on a map or down a margin. An upright box may be a line on its side
or a column of signs (:mod:`stacked`), and is read as both. The readings that give more characters,
and surer ones, are kept.

A reading's row of ``ways`` INT32 [3] is: which way up the page is for it (0, or 1 for turned, or
-1 for both), the group that it is in (a line that may be read in several ways, -2 for all columns
together, -1 for none), and which of the group's ways it is (0, 1 for turned, 2 for a column).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

CLEAR = 0.6
"""By this much the mean vote must be for upright, of 1. Of 189 kinds of pages 16 gave less, 3 of
them less than 0; turned upside down none gave more, and 3 more than 0."""

ODD = 12.0
"""Degrees from the page's direction: lines in perspective are nearer to it."""

EITHER = -1

COLUMNS = -2
"""The group of the page's columns: all of them are, or none."""


@dataclass(frozen=True)
class Readings:
    """What is to be read.

    Attributes:
        lines: FP32 [r, 4, 2], in reading order.
        crops: INT64 [r], the crop of each: of the n quads as they came, from n on of the turned
            ones, from 2 n on of their columns.
        ways: INT32 [r, 3].
    """

    lines: np.ndarray
    crops: np.ndarray
    ways: np.ndarray


def upright(votes: np.ndarray) -> bool:
    """Whether the classifier says clearly that a page is not upside down.

    Args:
        votes: [k, 2] probabilities of upright and of upside down.
    """
    return bool(len(votes) and (votes[:, 0] - votes[:, 1]).mean() >= CLEAR)


def turned(quads: np.ndarray) -> np.ndarray:
    """The same places, read from their other end: [n, 4, 2]."""
    return quads[:, [2, 3, 0, 1]]


def downward(quads: np.ndarray) -> np.ndarray:
    """The same places, read from their upper end: [n, 4, 2]."""
    up = quads[:, 1, 1] < quads[:, 0, 1]
    return np.where(up[:, None, None], turned(quads), quads)


def places(quads: np.ndarray) -> np.ndarray:
    """Where each crop is cut out, [3 n, 4, 2]: the quads, turned ones, and from their upper end."""
    return np.concatenate((quads, turned(quads), downward(quads)))


def odd(quads: np.ndarray, angle: float) -> np.ndarray:
    """Which quads do not run along the page's lines, whose angle is given in radians: BOOL [n]."""
    edges = quads[:, 1] - quads[:, 0]
    angles = np.arctan2(edges[:, 1], edges[:, 0]) - angle
    away = np.abs((angles + np.pi) % (2 * np.pi) - np.pi)
    return np.asarray(away > np.radians(ODD))


def readings(
    quads: np.ndarray,
    order: Callable[[np.ndarray], np.ndarray],
    doubtful: bool,
    alone: np.ndarray,
    columns: np.ndarray,
) -> Readings:
    """The readings: every line once, or in all ways that may be right.

    Args:
        quads: [n, 4, 2], oriented along the page's lines as if it stood upright.
        order: gives the indices of quads in reading order.
        doubtful: the page may be upside down.
        alone: BOOL [n], lines in directions of their own.
        columns: BOOL [n], lines that may be columns of signs.
    """
    count = len(quads)
    crops, listed = [], []
    for way in (0, 1) if doubtful else (0,):
        page = way if doubtful else EITHER
        for line in order((quads, turned(quads))[way]).tolist():
            ends = [0, 1] if alone[line] else [way]
            ends += [2] if columns[line] else []
            group = line if alone[line] else COLUMNS if columns[line] else EITHER
            for end in ends:
                crops.append(line + end * count)
                listed.append((page, group, end if group != EITHER else 0))
    chosen = np.array(crops, np.int64)
    lines = places(quads)[chosen]
    return Readings(lines, chosen, np.array(listed, np.int32).reshape(-1, 3))


def best(ways: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The readings to keep, by what was read.

    Args:
        ways: INT32 [r, 3].
        weights: FP32 [r], how sure each reading is, times how many characters it has.

    Returns:
        Indices, in order.
    """
    page, group, _ = ways.T
    loser = np.zeros(len(ways), bool)
    for key in {(int(p), int(g)) for p, g in ways[group != EITHER, :2]}:
        members = np.flatnonzero((page == key[0]) & (group == key[1]))
        ends = ways[members, 2]
        sums = {int(end): float(weights[members[ends == end]].sum()) for end in np.unique(ends)}
        loser[members[ends != max(sums, key=lambda end: sums[end])]] = True
    sides = [float(weights[(page == way) & ~loser].sum()) for way in (0, 1)]
    loser |= page == (1 if sides[0] >= sides[1] else 0)
    return np.flatnonzero(~loser)
