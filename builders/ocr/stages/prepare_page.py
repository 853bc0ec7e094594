"""Pixels to the page that the detector sees.

``pixels`` UINT8 [h, w, 3], ``maximum_side`` INT32 [1] (optional) -> ``page`` UINT8
[1, height, width, 3] with sides in multiples of 32, ``zoom`` FP32 [1], page pixels for each pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np

STRIDE = 32
"""The detector halves its input five times."""

MINIMUM_SIDE = 736
"""PP-OCR's ``limit_side_len``: smaller pages are enlarged until their shorter side is this."""

LARGEST_ENLARGED = 1280
"""Pages are not enlarged beyond this longer side: a strip would become a banner."""

LARGEST_ZOOM = 3.0

MAXIMUM_SIDE = 2000
"""Larger pages are reduced to this longer side, as PP-OCR's ``max_side_len``."""

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
        pixels = inputs["pixels"]
        zoom = page_zoom(pixels.shape[0], pixels.shape[1], side)
        return {"page": make_page(pixels, zoom)[None], "zoom": np.array([zoom], np.float32)}

    return run


def _checked(maximum_side: np.ndarray) -> int:
    values = np.asarray(maximum_side).reshape(-1)
    if values.size != 1 or int(values[0]) not in ALLOWED_SIDES:
        raise ValueError(
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


def make_page(pixels: np.ndarray, zoom: float) -> np.ndarray:
    """The page, its border pixels repeated until the sides are multiples of :data:`STRIDE`.

    Args:
        pixels: UINT8 [h, w, 3].
        zoom: one for both axes, so that angles stay.
    """
    height, width = (max(1, round(side * zoom)) for side in pixels.shape[:2])
    if (height, width) != pixels.shape[:2]:
        method = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
        pixels = cv2.resize(pixels, (width, height), interpolation=method)
    below, right = -height % STRIDE, -width % STRIDE
    if below or right:
        pixels = cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return pixels
