"""Pixels to the page that the detector sees.

``pixels`` UINT8 [h, w, 3], ``maximum_side`` INT32 [1] (optional) -> ``page`` UINT8
[1, height, width, 3] with sides in multiples of 32, ``zoom`` FP32 [1], page pixels for each pixel.

A page of large type is shown smaller than PP-OCR would show it: the detector takes time by area.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np

from builders.kit.invalid_argument import InvalidArgument

from . import type_size

STRIDE = 32
"""The detector halves its input five times."""

MINIMUM_SIDE = 736
"""PP-OCR's ``limit_side_len``: smaller pages are enlarged until their shorter side is this."""

LARGEST_ENLARGED = 1280
"""Pages are not enlarged beyond this longer side: a strip would become a banner."""

LARGEST_ZOOM = 3.0

MAXIMUM_SIDE = 2000
"""Larger pages are reduced to this longer side, as PP-OCR's ``max_side_len``."""

X_HEIGHT = 9.0
"""Small letters of this height, in page pixels, are found; larger ones are reduced to it."""

SMALLEST_REDUCED = 320
"""No page is reduced to a shorter side than this."""

ALLOWED_SIDES = range(64, 4097)
"""What a request may set ``maximum_side`` to."""


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; it has no parameters."""

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        side = MAXIMUM_SIDE
        if "maximum_side" in inputs:
            side = _checked(inputs["maximum_side"])
        if not inputs["pixels"].size:
            raise InvalidArgument(
                f"expected pixels of an image, found none: shape {list(inputs['pixels'].shape)}"
            )
        page, zoom = fit(inputs["pixels"], side)
        return {"page": page[None], "zoom": np.array([zoom], np.float32)}

    return run


def _checked(maximum_side: np.ndarray) -> int:
    values = np.asarray(maximum_side).reshape(-1)
    if values.size != 1 or int(values[0]) not in ALLOWED_SIDES:
        raise InvalidArgument(
            f"maximum_side must be one number from {ALLOWED_SIDES[0]} to {ALLOWED_SIDES[-1]}, "
            f"found {values[:4].tolist()}"
        )
    return int(values[0])


def page_zoom(height: int, width: int, maximum_side: int = MAXIMUM_SIDE) -> float:
    """How much a page is enlarged for detection."""
    longer, shorter = max(height, width), min(height, width)
    if longer > maximum_side:
        return maximum_side / longer
    wanted = min(MINIMUM_SIDE / shorter, LARGEST_ENLARGED / longer, LARGEST_ZOOM)
    return min(max(wanted, 1.0), maximum_side / longer)


def fit(pixels: np.ndarray, maximum_side: int = MAXIMUM_SIDE) -> tuple[np.ndarray, float]:
    """The page as the detector shall see it, and its zoom.

    At PP-OCR's size, or as much smaller as its smallest type allows.

    Args:
        pixels: UINT8 [h, w, 3].
        maximum_side: the page's longer side at most, before it is padded.
    """
    zoom = page_zoom(pixels.shape[0], pixels.shape[1], maximum_side)
    # Type is measured on the pixels that there are: enlarged ones tell no more.
    before = min(zoom, 1.0)
    seen = resize(pixels, before)
    height = type_size.x_height(seen)
    if height is not None:
        least = max(X_HEIGHT / height, SMALLEST_REDUCED / min(seen.shape[:2]))
        zoom = min(zoom, before * least)
    return padded(seen if zoom == before else resize(pixels, zoom)), zoom


def resize(pixels: np.ndarray, zoom: float) -> np.ndarray:
    """The pixels at another size, both axes by the same factor so that angles stay."""
    height, width = (max(1, round(side * zoom)) for side in pixels.shape[:2])
    if (height, width) == pixels.shape[:2]:
        return pixels
    method = cv2.INTER_AREA if zoom < 0.5 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=method))


def padded(pixels: np.ndarray) -> np.ndarray:
    """The pixels, those at the border repeated until the sides are multiples of :data:`STRIDE`."""
    below, right = -pixels.shape[0] % STRIDE, -pixels.shape[1] % STRIDE
    if not below and not right:
        return pixels
    return np.asarray(cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_REPLICATE))
