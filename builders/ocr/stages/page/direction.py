"""Which way a page's lines run, from their boxes.

PP-OCR asks its classifier about every line by itself, and a wrong answer turns a right line upside
down. Lines of one page agree, so they are asked together: the long ones say along which axis the
page runs, the classifier's votes over several of them say which end is up.
"""

from __future__ import annotations

import numpy as np

from ..lines import quads as q

LONG = 2.0
"""A box this many times as long as high shows its line's direction."""

UPRIGHT_TALL = 2.0
"""On a page that runs across, a box this many times as high as wide is turned text."""


def axis(quads: np.ndarray) -> float:
    """The direction of the page's lines, in radians from -pi/4 to 3/4 pi, as one of two ends.

    Every box votes with the direction of its longer side, weighted by how much longer that is. The
    votes for the two axes are counted first; then the median angle around the winner is taken.

    Args:
        quads: [n, 4, 2], clockwise from any corner.

    Returns:
        0 for upright pages (or upside-down ones), pi/2 for those on their side; 0 without boxes.
    """
    angles, weights = _long_sides(quads)
    if not len(angles):
        return 0.0
    across = np.abs(_folded(angles, 0.0)) <= np.pi / 4
    base = 0.0 if weights[across].sum() >= weights[~across].sum() else np.pi / 2
    near = _folded(angles, base)
    kept = np.abs(near) <= np.pi / 4
    return base + _weighted_median(near[kept], weights[kept])


def _long_sides(quads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Angle and weight of the longer side of every box that has one."""
    edges = quads[:, 1:3] - quads[:, 0:2]
    lengths = np.linalg.norm(edges, axis=2)
    longer = lengths.argmax(1)
    rows = np.arange(len(quads))
    chosen, length = edges[rows, longer], lengths[rows, longer]
    kept = length >= LONG * lengths.min(1)
    return np.arctan2(chosen[kept, 1], chosen[kept, 0]), length[kept] ** 2


def _folded(angles: np.ndarray, base: float) -> np.ndarray:
    """The angles relative to ``base``, a line's two ends being the same: -pi/2 to pi/2."""
    return (angles - base + np.pi / 2) % np.pi - np.pi / 2


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def orient(quads: np.ndarray, angle: float) -> np.ndarray:
    """Starts every quad at the corner where reading along ``angle`` starts.

    Boxes that are much higher than wide in that frame hold turned text. They start along their
    longer side, at the end that is nearer to reading upwards.

    Args:
        quads: [n, 4, 2], corners clockwise.
        angle: radians, of :func:`axis`.
    """
    forward = np.array((np.cos(angle), np.sin(angle)), np.float32)
    oriented = q.start_along(quads, forward)
    width, height = q.sizes(oriented)
    tall = height > UPRIGHT_TALL * width
    upward = np.array((forward[1], -forward[0]), np.float32)
    oriented[tall] = q.start_along(oriented[tall], upward)
    return oriented


def skew(quads: np.ndarray) -> float:
    """The angle of the lines' top edges, in radians, by the longest ones' weighted median.

    Args:
        quads: [n, 4, 2], oriented: the answer is in -pi to pi, not folded.
    """
    if not len(quads):
        return 0.0
    edges = quads[:, 1] - quads[:, 0]
    lengths = np.linalg.norm(edges, axis=1)
    vector = edges.sum(0)
    base = float(np.arctan2(vector[1], vector[0]))
    angles = np.arctan2(edges[:, 1], edges[:, 0]) - base
    angles = (angles + np.pi) % (2 * np.pi) - np.pi
    return base + _weighted_median(angles, lengths**2)
