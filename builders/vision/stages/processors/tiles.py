"""An image as tiles of one size, and the image whole: the processors that make such, by kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from builders.kit.invalid_argument import InvalidArgument

from . import anyres, aspect_ratio, pan_and_scan, splits
from .cuts import Cut
from .pixels import MAXIMUM_PIXELS
from .planes import many, table

KINDS: Mapping[str, Callable[[Mapping[str, Any], np.ndarray, int], Cut]] = {
    "anyres": anyres.cut,
    "aspect_ratio": aspect_ratio.cut,
    "splits": splits.cut,
    "pan_and_scan": pan_and_scan.cut,
}
"""A processor's kind -> what plans its cuts."""


def process(
    settings: Mapping[str, Any],
    pixels: np.ndarray,
    maximum_tiles: int,
    maximum_pixels: int = MAXIMUM_PIXELS,
) -> tuple[np.ndarray, np.ndarray]:
    """The tiles as the tower takes them, FP32 [tiles, 3, side, side], and how they lie.

    Arguments, errors and the second value are those of :func:`shown`.
    """
    found, tiling = shown(settings, pixels, maximum_tiles, maximum_pixels)
    return many(found, table(settings)), tiling


def shown(
    settings: Mapping[str, Any],
    pixels: np.ndarray,
    maximum_tiles: int,
    maximum_pixels: int = MAXIMUM_PIXELS,
) -> tuple[list[np.ndarray], np.ndarray]:
    """The tiles before any arithmetic, each UINT8 [side, side, 3], and how they lie: INT32 [4], the
    rows and columns of those beside the one of the whole image, both 0 if there is no other, and
    the image's height and width.

    Args:
        settings: the processor's, complete, with its kind.
        pixels: UINT8 [height, width, 3].
        maximum_tiles: the most that are allowed, the one of the whole image among them.
        maximum_pixels: of the image at any size that it is brought to.

    Raises:
        InvalidArgument: there would be more of either.
    """
    height, width = pixels.shape[:2]
    cut = KINDS[settings["kind"]](settings, pixels, maximum_pixels)
    count = cut.rows * cut.columns + 1
    if count > maximum_tiles:
        raise InvalidArgument(
            f"the image has {width} x {height} pixels, which make {count} tiles, more than the "
            f"{maximum_tiles} allowed; send one that is less long and narrow, or smaller"
        )
    tiling = np.array([cut.rows, cut.columns, height, width], np.int32)
    return cut.tiles(), tiling
