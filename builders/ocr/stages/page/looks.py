"""A second look at a page on which the detector found nothing.

It overlooks single short words on a large empty page, at any size of type, and finds them when
nothing but their surroundings is shown to it.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from . import tiles, type_size

MOST = 4
"""Places that are looked at, the largest ones."""

AROUND = 2.0
"""Paper around a place, in heights of its ink; from 1 to 8 the detector finds the same."""

LEAST_AROUND = 8
"""The same in pixels, at least."""

CLOSE = 1.5
"""Pieces of ink nearer to each other than this, in heights of the larger one, are one place."""

SHOWN = 256
"""Places are enlarged to this shorter side, in pixels."""

LARGEST_ZOOM = 3.0

LARGE = 0.25
"""Where places cover more than this part of the page, it is looked at as a whole, at half size."""


def again(page: np.ndarray, locate: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Quads of the lines that are found on a second look.

    Args:
        page: UINT8 [h, w, 3].
        locate: finds the quads in pixels, FP32 [n, 4, 2].

    Returns:
        FP32 [n, 4, 2], in pixels of the page.
    """
    found = [np.zeros((0, 4, 2), np.float32)]
    for left, top, right, bottom in places(page):
        part = page[top:bottom, left:right]
        shorter = min(part.shape[:2])
        whole = part.shape == page.shape
        zoom = 0.5 if whole else min(max(1.0, SHOWN / shorter), LARGEST_ZOOM)
        shown = tiles.zoomed(part, part.shape, zoom)
        scale = np.array(part.shape[1::-1]) / np.array(shown.shape[1::-1])
        found.append(locate(shown) * scale + np.array((left, top)))
    return np.concatenate(found).astype(np.float32)


def places(page: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Left, top, right and bottom of the places that have ink; the whole page where most has."""
    height, width = page.shape[:2]
    boxes = _boxes(page)
    if not len(boxes):
        return []
    marked = np.zeros((height, width), np.uint8)
    for left, top, wide, high in boxes.tolist():
        air = round(CLOSE * max(wide, high) / 2)
        cv2.rectangle(marked, (left - air, top - air), (left + wide + air, top + high + air), 1, -1)
    count, labels, _, _ = cv2.connectedComponentsWithStats(marked)
    middles = boxes[:, :2] + boxes[:, 2:] // 2
    of = labels[middles[:, 1], middles[:, 0]]
    areas = []
    for label in range(1, count):
        own = boxes[of == label]
        if not len(own):
            continue
        first, last = own[:, :2].min(0), (own[:, :2] + own[:, 2:]).max(0)
        air = max(LEAST_AROUND, round(AROUND * int(own[:, 3].max())))
        left, top = np.maximum(first - air, 0).tolist()
        right, bottom = np.minimum(last + air, (width, height)).tolist()
        areas.append(((right - left) * (bottom - top), (left, top, right, bottom)))
    largest = sorted(areas, reverse=True)[:MOST]
    if sum(area for area, _ in largest) > LARGE * height * width:
        return [(0, 0, width, height)]
    return [place for _, place in largest]


def _boxes(page: np.ndarray) -> np.ndarray:
    """Left, top, width and height of each piece of ink that may be a letter, INT [n, 4]."""
    pieces = type_size.pieces(page)
    longer = pieces[:, 2:4].max(1)
    return np.asarray(pieces[(longer >= type_size.SMALLEST) & (longer < min(page.shape[:2])), :4])
