"""Which items go into which call of a model, when the items of a call are padded to its longest.

Every call has its own overhead, and on a server calls also run side by side. The partition
minimises padded size, a fixed cost for each call, and a term that grows with the square of a call's
size, which keeps calls even enough to run in parallel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Costs:
    """What the partition weighs.

    Attributes:
        grain: sizes are rounded up to multiples of this.
        call: what a call costs, in the unit of the sizes.
        balance: weight of the evenness term.
    """

    grain: int
    call: float
    balance: float = 0.5


def partition(sizes: np.ndarray, count: int, costs: Costs) -> list[np.ndarray]:
    """Splits items into at most ``count`` groups of neighbouring sizes.

    An exact dynamic programme over the sorted sizes.

    Args:
        sizes: the items' sizes along the axis that is padded, [n].
        count: the most groups.
        costs: what is weighed.

    Returns:
        ``count`` arrays of indices into ``sizes``, each sorted, the groups with the most padded
        size first; unused groups are empty and last. A server starts the calls in this order,
        and with the long ones first its instances end at about the same time.
    """
    sizes = np.asarray(sizes, np.int64)
    order = np.argsort(sizes, kind="stable")
    padded = -(-sizes[order] // costs.grain) * costs.grain
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
            cost = best[group - 1, :end] + area + costs.call + costs.balance * area**2 / total
            first = int(cost.argmin())
            if cost[first] < best[group, end]:
                best[group, end], start[group, end] = cost[first], first
    groups: list[np.ndarray] = []
    areas = []
    end = n
    for group in range(count, 0, -1):
        first = int(start[group, end])
        groups.append(np.sort(order[first:end]))
        areas.append((end - first) * int(padded[end - 1]) if end > first else 0)
        end = first
    return [groups[each] for each in np.argsort(areas, kind="stable")[::-1]]


def padded_size(sizes: np.ndarray, costs: Costs) -> int:
    """The size that the items of one call are padded to."""
    return int(-(-int(np.max(sizes)) // costs.grain) * costs.grain)
