"""Images of 8 bits resized, cut and padded, as transformers does it with Pillow.

Sizes are (height, width), and pixels UINT8 [height, width, 3].
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from builders.kit.invalid_argument import InvalidArgument

Size = tuple[int, int]

MAXIMUM_PIXELS = 50_000_000
"""The most pixels of an image on its way to the tower, unless a config parameter says otherwise."""


def refuse_size(size: Size, source: Size, maximum: int) -> None:
    """Refuse an image that would become too large, or of no pixel, before it does.

    Raises:
        InvalidArgument: it has more pixels than ``maximum`` in that size, or none.
    """
    if min(size) < 1:
        raise InvalidArgument(
            f"the image has {source[1]} x {source[0]} pixels, of which the model's preprocessing "
            f"would leave {size[1]} x {size[0]}; send one that is less long and narrow"
        )
    if size[0] * size[1] > maximum:
        raise InvalidArgument(
            f"the image has {source[1]} x {source[0]} pixels, for which the model's preprocessing "
            f"needs {size[1]} x {size[0]}, more than the {maximum} allowed; send one that is less "
            "long and narrow, or smaller"
        )


def resized(image: Image.Image, size: Size, resample: int) -> np.ndarray:
    """An RGB image in another size, by Pillow's own filter."""
    return np.asarray(image.resize((size[1], size[0]), resample))


def target(size: Mapping[str, int], source: Size) -> Size:
    """The size that transformers resizes an image to.

    Args:
        size: with ``shortest_edge``, and perhaps ``longest_edge``, or with ``height`` and
            ``width``.
        source: the image's.
    """
    if "height" in size:
        return size["height"], size["width"]
    shortest, longest = size["shortest_edge"], size.get("longest_edge")
    if longest is not None:
        return _within(source, shortest, longest)
    short, long = sorted(source)
    other = int(shortest * long / short)
    return (other, shortest) if source[1] <= source[0] else (shortest, other)


def _within(source: Size, shortest: int, longest: int) -> Size:
    """The shorter side as asked, or smaller, so that the longer one is at most ``longest``."""
    height, width = source
    low, high = float(min(source)), float(max(source))
    raw = None
    if high / low * shortest > longest:
        raw = longest * low / high
        shortest = round(raw)
    if (height <= width and height == shortest) or (width <= height and width == shortest):
        return height, width
    if width < height:
        return int((shortest if raw is None else raw) * height / width), shortest
    return shortest, int((shortest if raw is None else raw) * width / height)


def fitted_size(settings: Mapping[str, Any], source: Size) -> Size:
    """The size of what the processor of a tower of one image makes of an image."""
    size = (max(source),) * 2 if settings["do_pad"] else source
    if settings["do_resize"]:
        size = target(settings["size"], size)
    crop = settings["crop_size"]
    return (crop["height"], crop["width"]) if settings["do_center_crop"] else size


def centre(pixels: np.ndarray, size: Size) -> np.ndarray:
    """The middle of an image; black where the image is smaller."""
    height, width = pixels.shape[:2]
    high, wide = size
    top, left = (height - high) // 2, (width - wide) // 2
    if top >= 0 and left >= 0:
        return pixels[top : top + high, left : left + wide]
    whole = (max(high, height), max(wide, width))
    down, along = (math.ceil((w - own) / 2) for w, own in zip(whole, (height, width), strict=True))
    padded = np.zeros((*whole, pixels.shape[2]), np.uint8)
    padded[down : down + height, along : along + width] = pixels
    top, left = top + down, left + along
    return padded[max(0, top) : top + high, max(0, left) : left + wide]


def square(pixels: np.ndarray, colour: Sequence[int]) -> np.ndarray:
    """An image in the middle of a square of its longer side."""
    height, width = pixels.shape[:2]
    if height == width:
        return pixels
    side = max(height, width)
    found = np.empty((side, side, pixels.shape[2]), np.uint8)
    found[:] = np.array(colour).astype(np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    found[top : top + height, left : left + width] = pixels
    return found


def fitted(pixels: np.ndarray, settings: Mapping[str, Any], maximum: int) -> np.ndarray:
    """An image resized and cropped by a processor's ``size`` and ``crop_size``.

    Raises:
        InvalidArgument: it would have more than ``maximum`` pixels on the way, or none.
    """
    if settings["do_resize"]:
        source = pixels.shape[:2]
        size = target(settings["size"], (source[0], source[1]))
        refuse_size(size, (source[0], source[1]), maximum)
        pixels = resized(Image.fromarray(pixels), size, settings["resample"])
    if settings["do_center_crop"]:
        crop = settings["crop_size"]
        pixels = centre(pixels, (crop["height"], crop["width"]))
    return pixels
