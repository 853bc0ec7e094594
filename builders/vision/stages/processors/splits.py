"""Idefics3 and SmolVLM: a large image in rows and columns; the whole last."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from . import pixels as pixel
from .cuts import Cut, pieces
from .pixels import Size

LONGEST = 4096
"""The longest side, in pixels, that transformers brings an image to, whatever is asked."""


def cut(settings: Mapping[str, Any], pixels: np.ndarray, maximum_pixels: int) -> Cut:
    """Plan the tiles of an image.

    Args:
        settings: the processor's.
        pixels: UINT8 [height, width, 3].
        maximum_pixels: of the image at any size.
    """
    source = (pixels.shape[0], pixels.shape[1])
    side = settings["max_image_size"]["longest_edge"]
    sizes = [source]
    if settings["do_resize"]:
        sizes.append(_asked(settings["size"], source))
    rows = columns = 0
    if settings["do_image_splitting"]:
        sizes.append(whole_tiles(sizes[-1], side))
        rows, columns = (each // side for each in sizes[-1])
        if rows * columns == 1:
            rows = columns = 0

    def tiles() -> list[np.ndarray]:
        found, resample = pixels, settings["resample"]
        for size in sizes[1:]:
            pixel.refuse_size(size, source, maximum_pixels)
            found = pixel.resized(Image.fromarray(found), size, resample)
        whole = pixel.resized(Image.fromarray(found), (side, side), resample)
        return [*(pieces(found, rows, columns) if rows else ()), whole]

    return Cut(rows, columns, max(sizes[1:], key=math.prod, default=(side, side)), tiles)


def _asked(size: Mapping[str, int], source: Size) -> Size:
    """The size of an image that ``size`` asks for."""
    if "longest_edge" not in size:
        return size["height"], size["width"]
    return _below(_longest(source, size["longest_edge"]), LONGEST)


def _longest(source: Size, longest: int) -> Size:
    """The longer side as asked, the other one even."""
    height, width = source
    ratio = width / height
    if width >= height:
        other = int(longest / ratio)
        return max(other + other % 2, 1), longest
    other = int(longest * ratio)
    return longest, max(other + other % 2, 1)


def _below(size: Size, longest: int) -> Size:
    height, width = size
    ratio = width / height
    if width >= height and width > longest:
        height, width = int(longest / ratio), longest
    elif height > width and height > longest:
        height, width = longest, int(longest * ratio)
    return max(height, 1), max(width, 1)


def whole_tiles(size: Size, side: int) -> Size:
    """The size of whole tiles that an image is brought to, none of them smaller than it."""
    height, width = size
    ratio = width / height
    if width >= height:
        width = math.ceil(width / side) * side
        height = math.ceil(int(width / ratio) / side) * side
    else:
        height = math.ceil(height / side) * side
        width = math.ceil(int(height * ratio) / side) * side
    return height, width
