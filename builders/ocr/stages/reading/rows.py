"""Boxes read row by row."""

from __future__ import annotations

import numpy as np

AT_HEIGHT = 0.5
"""Boxes at one height share this part of the lower one's height."""

INSIDE = 0.8
"""If this share of a box lies within another, it is a speck, or a sign that was found twice."""

UPRIGHT = 3.0
"""Text that runs up or down a margin is so many times as high as wide at least."""

TALL = 1.6
"""A box that stands beside several rows is at least this many times as high as theirs."""


def at_height(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Which boxes stand at the height of another: BOOL [n].

    Args:
        boxes: [n, 4] of left, top, right, bottom.
        box: [4].
    """
    shared = np.minimum(boxes[:, 3], box[3]) - np.maximum(boxes[:, 1], box[1])
    lower = np.minimum(boxes[:, 3] - boxes[:, 1], box[3] - box[1])
    return np.asarray(shared >= AT_HEIGHT * lower)


def by_rows(boxes: np.ndarray) -> np.ndarray:
    """Top to bottom, and left to right among boxes side by side.

    A box that stands left of several rows, as a large letter, is read before them; one that stands
    right of them after them. Text that runs up or down a margin is read before or after all.

    Args:
        boxes: [n, 4], in an order that does not depend on how they came.

    Returns:
        INT64 [n].
    """
    hosts = _hosts(boxes)
    free = np.flatnonzero(hosts < 0)
    beside = {int(k): found for k in free if (found := _beside(boxes, free, int(k)))}
    rows = _rows(boxes, [k for k in free.tolist() if k not in beside])
    order = [k for row in rows for k in sorted(row, key=lambda k: boxes[k, 0])]
    # The rightmost first: two may stand beside each other in one margin.
    for box, (mates, left) in sorted(beside.items(), key=lambda item: -boxes[item[0], 0]):
        places = [order.index(k) for k in mates.tolist() if k in order]
        place = (min(places) if left else max(places) + 1) if places else len(order)
        order.insert(place, box)
    for box in np.flatnonzero(hosts >= 0).tolist():
        order.insert(order.index(hosts[box]) + 1, box)
    return np.array(order, np.int64)


def _hosts(boxes: np.ndarray) -> np.ndarray:
    """The line that each box lies within, or -1: INT64 [n]. Hosts lie within no other."""
    hosts = np.full(len(boxes), -1, np.int64)
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    for k in np.argsort(-width * height, kind="stable").tolist():
        x, y = (
            np.minimum(boxes[:, axis + 2], boxes[k, axis + 2])
            - np.maximum(boxes[:, axis], boxes[k, axis])
            for axis in (0, 1)
        )
        covered = np.maximum(x, 0) * np.maximum(y, 0)
        covered[(hosts >= 0) | (width < 2 * height) | (width * height <= width[k] * height[k])] = 0
        if covered.max(initial=0) >= INSIDE * width[k] * height[k]:
            hosts[k] = covered.argmax()
    return hosts


def _beside(boxes: np.ndarray, others: np.ndarray, tall: int) -> tuple[np.ndarray, bool] | None:
    """The boxes that one is read before or after, and whether it is on their left."""
    left, top, right, bottom = boxes[tall]
    others = others[others != tall]
    upright = bottom - top >= UPRIGHT * (right - left)
    for alone, on_left in ((boxes[others, 0] >= right, True), (boxes[others, 2] <= left, False)):
        if upright and len(others) > 1 and alone.all():
            return others, on_left
    low = (boxes[others, 3] - boxes[others, 1]) * TALL <= bottom - top
    mates = others[low & at_height(boxes[others], boxes[tall])]
    slack = (boxes[mates, 3] - boxes[mates, 1]) / 2
    on_right = boxes[mates, 0] >= right - slack
    on_left = boxes[mates, 2] <= left + slack
    if len(mates) < 2 or not (on_right.all() or on_left.all()):
        return None
    # Boxes of one row only are its neighbours in that row.
    centres = (boxes[mates, 1] + boxes[mates, 3]) / 2
    if np.ptp(centres) < 2 * slack.max():
        return None
    return mates, bool(on_right.all())


def _rows(boxes: np.ndarray, members: list[int]) -> list[list[int]]:
    """The boxes of each row, from the top."""
    centres = (boxes[:, 1] + boxes[:, 3]) / 2
    rows: list[list[int]] = []
    for index in sorted(members, key=lambda k: centres[k]):
        if rows and _in_row(boxes, rows[-1], index):
            rows[-1].append(index)
        else:
            rows.append([index])
    return rows


def _in_row(boxes: np.ndarray, row: list[int], index: int) -> bool:
    """Whether a box stands at the height of a row's boxes, and beside all of them."""
    members = boxes[row]
    left, _, right, _ = boxes[index]
    width = np.minimum(right - left, members[:, 2] - members[:, 0])
    beside = np.minimum(right, members[:, 2]) - np.maximum(left, members[:, 0]) < 0.5 * width
    return bool(at_height(members, boxes[index]).mean() >= 0.5 and beside.all())
