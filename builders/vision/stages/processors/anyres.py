"""LLaVA-NeXT and LLaVA-OneVision: the grid that suits an image best, padded; the whole first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
    size, crop, resample = settings["size"], settings["crop_size"], settings["resample"]
    own = (size["height"], size["width"]) if "height" in size else (size["shortest_edge"],) * 2
    side = crop["height"] if crop else own[0]
    grid = best(source, settings["image_grid_pinpoints"])
    rows, columns = grid[0] // side, grid[1] // side

    def tiles() -> list[np.ndarray]:
        pixel.refuse_size(grid, source, maximum_pixels)
        image = Image.fromarray(pixels)
        padded = _padded(pixel.resized(image, within(source, grid), resample), grid)
        found = [pixel.resized(image, own, resample), *pieces(padded, rows, columns)]
        return [pixel.fitted(each, settings, maximum_pixels) for each in found]

    return Cut(rows, columns, grid, tiles)


def best(source: Size, grids: Sequence[Sequence[int]]) -> Size:
    """The grid in which most of the image's pixels are kept, and fewest are wasted."""
    height, width = source
    found, most, least = (grids[0][0], grids[0][1]), 0, math.inf
    for high, wide in grids:
        scale = min(wide / width, high / height)
        kept = min(int(width * scale) * int(height * scale), height * width)
        wasted = high * wide - kept
        if kept > most or (kept == most and wasted < least):
            found, most, least = (high, wide), kept, wasted
    return found


def within(source: Size, grid: Size) -> Size:
    """The size of an image that fills a grid in one direction."""
    height, width = source
    along, down = grid[1] / width, grid[0] / height
    if along < down:
        return min(math.ceil(height * along), grid[0]), grid[1]
    return grid[0], min(math.ceil(width * down), grid[1])


def _padded(pixels: np.ndarray, grid: Size) -> np.ndarray:
    """An image in the middle of a grid, black around it."""
    height, width = pixels.shape[:2]
    found = np.zeros((*grid, 3), np.uint8)
    top, left = (grid[0] - height) // 2, (grid[1] - width) // 2
    found[top : top + height, left : left + width] = pixels
    return found
