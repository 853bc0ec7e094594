"""InternVL: the grid of the aspect ratio that is nearest to the image's; the whole last."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image

from . import pixels as pixel
from .cuts import Cut, pieces
from .pixels import Size


def cut(settings: Mapping[str, Any], pixels: np.ndarray, maximum_pixels: int) -> Cut:
    """Plan the tiles of an image.

    Args:
        settings: the processor's.
        pixels: UINT8 [height, width, 3].
        maximum_pixels: of the image at any size.
    """
    source = (pixels.shape[0], pixels.shape[1])
    own = (settings["size"]["height"], settings["size"]["width"])
    rows, columns = 1, 1
    if settings["crop_to_patches"] and settings["max_patches"] > 1:
        rows, columns = nearest(source, own, settings["min_patches"], settings["max_patches"])
    size = (own[0] * rows, own[1] * columns)

    def tiles() -> list[np.ndarray]:
        pixel.refuse_size(size, source, maximum_pixels)
        image, resample = Image.fromarray(pixels), settings["resample"]
        whole = pixel.resized(image, own, resample)
        if rows * columns == 1:
            return [whole]
        return [*pieces(pixel.resized(image, size, resample), rows, columns), whole]

    many = rows * columns > 1
    return Cut(rows if many else 0, columns if many else 0, size, tiles)


def nearest(source: Size, tile: Size, least: int, most: int) -> tuple[int, int]:
    """Rows and columns of the grid whose aspect ratio is nearest to the image's; of those alike,
    the largest that an image of so many pixels fills by more than half."""
    height, width = source
    ratio, area = width / height, width * height
    found, nearest_by = (1, 1), float("inf")
    for columns, rows in _grids(least, most):
        by = abs(ratio - columns / rows)
        if by < nearest_by:
            found, nearest_by = (rows, columns), by
        elif by == nearest_by and area > 0.5 * tile[0] * tile[1] * columns * rows:
            found = (rows, columns)
    return found


@lru_cache(maxsize=8)
def _grids(least: int, most: int) -> tuple[tuple[int, int], ...]:
    """Columns and rows of every grid of so many tiles, the smallest first."""
    found = [
        (columns, rows)
        for columns in range(1, most + 1)
        for rows in range(1, most // columns + 1)
        if columns * rows >= least
    ]
    return tuple(sorted(found, key=lambda each: each[0] * each[1]))
