"""Pages that are shown to the detector in parts, and pages that lie in one image.

A page that is too long for the detector is cut into overlapping tiles. The detector's answers are
joined in the middle of each overlap.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from builders.kit.invalid_argument import InvalidArgument

STRIDE = 32
"""The detector halves its input five times."""

LONGEST = 2000
"""Pages up to this side, in pixels, are shown whole: PP-OCR's ``max_side_len``."""

LARGEST_SIDE = 16_384
"""Of a page in parts: lines on its diagonal must not be longer than OpenCV can warp."""

OVERLAP = 320
"""Pixels that neighbouring tiles share: near an edge the detector sees too little around."""


@dataclass(frozen=True)
class Tile:
    """A part of a page, in pixels, and how much of it counts.

    Attributes:
        top, left, bottom, right: the part that the detector is shown.
        keep_top, keep_left, keep_bottom, keep_right: what its answer counts for, in the page.
    """

    top: int
    left: int
    bottom: int
    right: int
    keep_top: int
    keep_left: int
    keep_bottom: int
    keep_right: int


def cut(size: Sequence[int], whole: bool = False) -> list[Tile]:
    """The tiles of a page, one for a page of usual size.

    Args:
        size: the page's height and width, in pixels.
        whole: one tile, whatever the size.
    """
    height, width = size[:2]
    rows = [(0, height, 0, height)] if whole else _spans(height)
    columns = [(0, width, 0, width)] if whole else _spans(width)
    return [
        Tile(top, left, bottom, right, keep_top, keep_left, keep_bottom, keep_right)
        for top, bottom, keep_top, keep_bottom in rows
        for left, right, keep_left, keep_right in columns
    ]


def _spans(length: int) -> list[tuple[int, int, int, int]]:
    """Start and stop of each part of a side, and of what counts of it."""
    if length <= LONGEST:
        return [(0, length, 0, length)]
    count = -(-(length - OVERLAP) // (LONGEST - OVERLAP))
    size = -(-(length + (count - 1) * OVERLAP) // count)
    starts = [min(k * (size - OVERLAP), length - size) for k in range(count)]
    seams = [(right + left + size) // 2 for left, right in itertools.pairwise(starts)]
    keeps = [0, *seams, length]
    return [
        (start, start + size, keep, stop)
        for start, keep, stop in zip(starts, keeps, keeps[1:], strict=False)
    ]


def resized(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """The pixels at another size."""
    if (height, width) == pixels.shape[:2]:
        return pixels
    method = cv2.INTER_AREA if height < 0.5 * pixels.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=method))


def zoomed(pixels: np.ndarray, size: Sequence[int], zoom: float) -> np.ndarray:
    """The number of pixels at a size; both axes are scaled equally, so angles stay."""
    return resized(pixels, *times(size, zoom))


def times(size: Sequence[int], zoom: float) -> tuple[int, int]:
    """A height and a width, multiplied."""
    return max(1, round(size[0] * zoom)), max(1, round(size[1] * zoom))


def of(page: np.ndarray, tile: Tile) -> np.ndarray:
    """A tile's pixels, UINT8 [h, w, 3]."""
    return page[tile.top : tile.bottom, tile.left : tile.right]


def padded(pixels: np.ndarray) -> np.ndarray:
    """The pixels, those at the border repeated until the sides are multiples of :data:`STRIDE`."""
    below, right = -pixels.shape[0] % STRIDE, -pixels.shape[1] % STRIDE
    if not below and not right:
        return pixels
    return np.asarray(cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_REPLICATE))


def joined(maps: Sequence[np.ndarray], views: Sequence[Tile]) -> np.ndarray:
    """A page's probabilities, of those of its tiles: FP32 [h, w]."""
    last = views[-1]
    whole = np.zeros((last.keep_bottom, last.keep_right), np.float32)
    for own, tile in zip(maps, views, strict=True):
        rows = slice(tile.keep_top - tile.top, tile.keep_bottom - tile.top)
        columns = slice(tile.keep_left - tile.left, tile.keep_right - tile.left)
        whole[tile.keep_top : tile.keep_bottom, tile.keep_left : tile.keep_right] = own[
            rows, columns
        ]
    return whole


def checked_pages(pixels: np.ndarray, pages: np.ndarray) -> list[list[int]]:
    """The pages' number, top, height and width.

    Raises:
        InvalidArgument: they do not lie in the pixels, one below the other.
    """
    if not pixels.size:
        raise InvalidArgument(
            f"expected pixels of an image, found none: shape {list(pixels.shape)}"
        )
    rows = np.asarray(pages, np.int64).reshape(-1, 4).tolist()
    end = 0
    for _, top, height, width in rows:
        if top != end or height < 1 or not 1 <= width <= pixels.shape[1]:
            end = -1
            break
        end = top + height
    if not rows or end != pixels.shape[0]:
        raise InvalidArgument(
            "expected pages one below the other that fill the pixels, as decode_image gives "
            f"them, found {rows[:2]} in an image of shape {list(pixels.shape)}"
        )
    return rows
