"""Which crops go into which call of the recogniser.

Crops of one call are padded to its widest, and every call has its own overhead; on a server calls
also run side by side. The partition minimises padded width, a fixed cost for each call, and a term
that grows with the square of a call's size, which keeps calls even enough to run in parallel.
"""

from __future__ import annotations

import numpy as np

GRAIN = 16
"""Widths are rounded up to multiples of this, two of the recogniser's steps."""

CALL = 64.0
"""What a call costs, in pixels of crop width."""

BALANCE = 0.5
"""Weight of the evenness term."""


def partition(widths: np.ndarray, count: int) -> list[np.ndarray]:
    """Splits crops into at most ``count`` groups of neighbouring widths.

    An exact dynamic programme over the sorted widths.

    Args:
        widths: the crops' widths, in pixels, [n].
        count: the most groups.

    Returns:
        ``count`` arrays of indices into ``widths``, each sorted, the groups with the most padded
        width first; unused groups are empty and last. A server starts the calls in this order,
        and with the long ones first its instances end at about the same time.
    """
    widths = np.asarray(widths, np.int64)
    order = np.argsort(widths, kind="stable")
    padded = -(-widths[order] // GRAIN) * GRAIN
    total = max(float(padded.sum()), 1.0)
    n = len(order)
    best = np.full((count + 1, n + 1), np.inf)
    best[0, 0] = 0.0
    start = np.zeros((count + 1, n + 1), np.int64)
    for group in range(1, count + 1):
        best[group] = best[group - 1]
        start[group] = np.arange(n + 1)
        for end in range(1, n + 1):
            area = padded[end - 1] * (end - np.arange(end, dtype=np.float64))
            costs = best[group - 1, :end] + area + CALL + BALANCE * area**2 / total
            first = int(costs.argmin())
            if costs[first] < best[group, end]:
                best[group, end], start[group, end] = costs[first], first
    groups: list[np.ndarray] = []
    sizes = []
    end = n
    for group in range(count, 0, -1):
        first = int(start[group, end])
        groups.append(np.sort(order[first:end]))
        sizes.append((end - first) * int(padded[end - 1]) if end > first else 0)
        end = first
    return [groups[each] for each in np.argsort(sizes, kind="stable")[::-1]]


def bucket_width(widths: np.ndarray) -> int:
    """The width that crops of one call are padded to."""
    return int(-(-int(np.max(widths)) // GRAIN) * GRAIN)
