"""Readings that exclude each other: what is read decides which end of a page or a line is up.

The classifier cannot tell pages of small, blurred or oblique type: its votes say "upside down" of
upright ones. Where they are not clear, the page is read both ways, and so is every line that does
not run along the page's, as words on a map or down a margin; the readings that the recogniser is
surer of are kept.

A reading's row of ``ways`` INT32 [3] is: which way up the page is for it (0, or 1 for turned, or
-1 for both), the line that it is one of two readings of (-1 for none), and which (0 or 1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

CLEAR = 0.6
"""By this much the mean vote must be for upright, of 1."""

ODD = 12.0
"""Degrees from the page's direction: lines in perspective are nearer to it."""

EITHER = -1


@dataclass(frozen=True)
class Readings:
    """What is to be read.

    Attributes:
        lines: FP32 [r, 4, 2], in reading order.
        crops: INT64 [r], the crop of each: of the n quads as they came, or from n on, turned.
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


def odd(quads: np.ndarray, angle: float) -> np.ndarray:
    """Which quads do not run along the page's lines, whose angle is given in radians: BOOL [n]."""
    edges = quads[:, 1] - quads[:, 0]
    angles = np.arctan2(edges[:, 1], edges[:, 0]) - angle
    away = np.abs((angles + np.pi) % (2 * np.pi) - np.pi)
    return np.asarray(away > np.radians(ODD))


def readings(
    quads: np.ndarray,
    angle: float,
    order: Callable[[np.ndarray], np.ndarray],
    doubtful: bool,
    free: bool,
) -> Readings:
    """Every line once, or both ways where either may be right.

    Args:
        quads: [n, 4, 2], oriented along the page's lines as if it stood upright.
        angle: of the page's lines, in radians.
        order: gives the indices of quads in reading order.
        doubtful: the page may be upside down.
        free: lines may run in directions of their own.
    """
    both = np.stack((quads, turned(quads)))
    alone = odd(quads, angle) if free else np.zeros(len(quads), bool)
    crops, listed = [], []
    for way in (0, 1) if doubtful else (0,):
        page = way if doubtful else EITHER
        for line in order(both[way]).tolist():
            ends = (0, 1) if alone[line] else (way,)
            for end in ends:
                crops.append(line + end * len(quads))
                listed.append((page, line, end) if alone[line] else (page, EITHER, 0))
    chosen = np.array(crops, np.int64)
    return Readings(
        both.reshape(-1, 4, 2)[chosen], chosen, np.array(listed, np.int32).reshape(-1, 3)
    )


def best(ways: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The readings to keep, by what was read.

    Args:
        ways: INT32 [r, 3].
        weights: FP32 [r], how sure a reading is, times how much there was to read.

    Returns:
        Indices, in order.
    """
    page, line, end = ways.T
    loser = np.zeros(len(ways), bool)
    paired: dict[tuple[int, int], dict[int, int]] = {}
    for index in np.flatnonzero(line != EITHER).tolist():
        paired.setdefault((int(page[index]), int(line[index])), {})[int(end[index])] = index
    for pair in paired.values():
        if len(pair) == 2:
            loser[pair[1] if weights[pair[0]] >= weights[pair[1]] else pair[0]] = True
    sums = [float(weights[(page == way) & ~loser].sum()) for way in (0, 1)]
    loser |= page == (1 if sums[0] >= sums[1] else 0)
    return np.flatnonzero(~loser)
