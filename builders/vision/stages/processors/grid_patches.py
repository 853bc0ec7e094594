"""Patches of a grid as large as the image: Qwen2-VL, and its followers with other settings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from builders.kit.invalid_argument import InvalidArgument

from .pixels import MAXIMUM_PIXELS, Size, refuse_size, resized
from .planes import planes, table

MOST_OBLONG = 200
"""Images that are longer, by their width, are refused, as transformers does."""


def process(
    settings: Mapping[str, Any],
    pixels: np.ndarray,
    maximum_patches: int,
    maximum_pixels: int = MAXIMUM_PIXELS,
) -> tuple[np.ndarray, np.ndarray]:
    """An image's patches, FP32 [patches, width], and ``grid_thw``, INT64 [1, 3].

    Args:
        settings: the processor's, complete, as the build writes them.
        pixels: UINT8 [height, width, 3].
        maximum_patches: of an image.
        maximum_pixels: of the image at the size that it is brought to.

    Raises:
        InvalidArgument: it would have more, or it is more than 200 times as long as wide.
    """
    source = (pixels.shape[0], pixels.shape[1])
    patch, merge, frames = (
        settings[f"{each}_size"] for each in ("patch", "merge", "temporal_patch")
    )
    limits = settings["size"]
    height, width = size_for(source, patch * merge, limits["shortest_edge"], limits["longest_edge"])
    rows, columns = height // patch, width // patch
    if rows * columns > maximum_patches:
        raise InvalidArgument(
            f"the image has {source[1]} x {source[0]} pixels, which the model sees in "
            f"{rows * columns} patches, more than the {maximum_patches} allowed; send a smaller one"
        )
    refuse_size((height, width), source, maximum_pixels)
    image = resized(Image.fromarray(pixels), (height, width), settings["resample"])
    found = planes(image, table(settings)).reshape(
        3, rows // merge, merge, patch, columns // merge, merge, patch
    )
    # Blocks row by row, in each its patches, in each channels; every frame shows the same.
    cut = found.transpose(1, 4, 2, 5, 0, 3, 6)[:, :, :, :, :, None]
    shown = np.broadcast_to(cut, (*cut.shape[:5], frames, *cut.shape[6:]))
    return shown.reshape(rows * columns, -1), np.array([[1, rows, columns]], np.int64)


def size_for(source: Size, factor: int, least: int, most: int) -> Size:
    """The size in multiples of ``factor`` nearest to the image's, with so many pixels.

    Raises:
        InvalidArgument: it is more than 200 times as long as wide.
    """
    height, width = source
    if max(source) / min(source) > MOST_OBLONG:
        raise InvalidArgument(
            f"the image has {width} x {height} pixels, more than {MOST_OBLONG} times as long as "
            "wide, which the model does not take; cut it into parts"
        )
    high, wide = round(height / factor) * factor, round(width / factor) * factor
    if high * wide > most:
        scale = math.sqrt((height * width) / most)
        high = max(factor, math.floor(height / scale / factor) * factor)
        wide = max(factor, math.floor(width / scale / factor) * factor)
    elif high * wide < least:
        scale = math.sqrt(least / (height * width))
        high = math.ceil(height * scale / factor) * factor
        wide = math.ceil(width * scale / factor) * factor
    return high, wide
