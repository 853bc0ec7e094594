"""Gemma 3: the whole image first, then crops of one that is long or tall."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from builders.kit.invalid_argument import InvalidArgument

from . import pixels as pixel
from .cuts import Cut


def cut(settings: Mapping[str, Any], pixels: np.ndarray, maximum_pixels: int) -> Cut:
    """Plan the tiles of an image.

    Args:
        settings: the processor's.
        pixels: UINT8 [height, width, 3].
        maximum_pixels: of the image at any size.
    """
    source = height, width = pixels.shape[:2]
    count = crops(settings, width, height)
    rows, columns = (1, count) if width >= height else (count, 1)
    if not count:
        rows = columns = 0

    def tiles() -> list[np.ndarray]:
        found = [pixels]
        if count:
            high, wide = math.ceil(height / rows), math.ceil(width / columns)
            if (count - 1) * (wide if columns > 1 else high) >= max(source):
                raise InvalidArgument(
                    f"an image of {width} x {height} pixels is too small for {count} crops; send "
                    "a larger one"
                )
            found += [
                pixels[top : top + high, left : left + wide]
                for top in range(0, high * rows, high)
                for left in range(0, wide * columns, wide)
            ]
        return [pixel.fitted(each, settings, maximum_pixels) for each in found]

    return Cut(rows, columns, pixel.target(settings["size"], (height, width)), tiles)


def crops(settings: Mapping[str, Any], width: int, height: int) -> int:
    """How many crops an image of that size has."""
    if not settings["do_pan_and_scan"]:
        return 0
    long, short = max(width, height), min(width, height)
    if long / short < settings["pan_and_scan_min_ratio_to_activate"]:
        return 0
    least = settings["pan_and_scan_min_crop_size"]
    count = min(long // least, math.floor(long / short + 0.5))
    count = min(settings["pan_and_scan_max_num_crops"], max(2, count))
    return 0 if min(math.ceil(long / count), short) < least else count
