"""Patches of an image of any aspect ratio, as SigLIP 2's processor makes them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from .pixels import MAXIMUM_PIXELS, Size, refuse_size, resized
from .planes import planes, table


def process(
    settings: Mapping[str, Any], pixels: np.ndarray, maximum_pixels: int = MAXIMUM_PIXELS
) -> tuple[np.ndarray, int, int]:
    """An image's patches, row by row, FP32 [rows * columns, width], and their rows and columns.

    There are at most ``max_num_patches``, whatever the image.

    Args:
        settings: the processor's, complete, as the build writes them.
        pixels: UINT8 [height, width, 3].
        maximum_pixels: of the image at the size that it is brought to.

    Raises:
        InvalidArgument: it would have more.
    """
    patch, most = settings["patch_size"], settings["max_num_patches"]
    source = (pixels.shape[0], pixels.shape[1])
    height, width = size_for(source, patch, most)
    refuse_size((height, width), source, maximum_pixels)
    image = resized(Image.fromarray(pixels), (height, width), settings["resample"])
    found = planes(image, table(settings))
    rows, columns = height // patch, width // patch
    cut = found.reshape(3, rows, patch, columns, patch).transpose(1, 3, 2, 4, 0)
    return cut.reshape(rows * columns, -1), rows, columns


def size_for(source: Size, patch: int, most: int) -> Size:
    """The largest size of whole patches, of about the image's aspect ratio, with at most so many.

    The scale is looked for as transformers does it, so that the sizes are equal to its own.
    """

    def scaled(scale: float, side: int) -> int:
        return max(patch, math.ceil(side * scale / patch) * patch)

    low, high = 1e-5 / 10, 100.0
    while high - low >= 1e-5:
        scale = (low + high) / 2
        if (scaled(scale, source[0]) / patch) * (scaled(scale, source[1]) / patch) <= most:
            low = scale
        else:
            high = scale
    return scaled(low, source[0]), scaled(low, source[1])
