"""Pixels to what the detector sees.

``pixels`` UINT8 [h, w, 3], ``pages`` INT32 [p, 4] (number, top, height and width of each page in
``pixels``), ``maximum_side`` INT32 [1] (optional) -> ``page`` UINT8 [1, height, width, 3] with
sides in multiples of 32, ``zooms`` FP32 [p], what each page was multiplied by, ``sheets`` UINT8
[-1] and ``sheet_sizes`` INT32 [p, 2].

The detector sees one page of usual shape as a whole: it is ``page``, and ``sheets`` is empty. For
several pages, and for long ones, ``sheets`` holds the pixels of all of them, page after page, each
with its height and width in ``sheet_sizes`` and 3 channels, zoomed or not, whichever is less;
``page`` is the first tile of the first (:mod:`tiles`), and the next stage asks the detector for the
others.

A page of large type is made smaller than PP-OCR would make it, since the detector's time grows with
area.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from builders.kit.invalid_argument import InvalidArgument

from .page import tiles, type_size

MINIMUM_SIDE = 736
"""PP-OCR's ``limit_side_len``: smaller pages are enlarged until their shorter side is this."""

LARGEST_ENLARGED = 1280
"""Pages are not enlarged beyond this longer side: a strip would become a banner."""

LARGEST_ZOOM = 3.0

MAXIMUM_SIDE = tiles.LONGEST
"""Larger pages of usual shape are reduced to this longer side."""

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
        side = None
        if "maximum_side" in inputs:
            side = _checked(inputs["maximum_side"])
        pixels, pages = inputs["pixels"], tiles.checked_pages(inputs["pixels"], inputs["pages"])
        parts = [pixels[top : top + height, :width] for _, top, height, width in pages]
        fitted = [fit(part, side) for part in parts]
        sheet = fitted[0][0]
        views = tiles.cut(sheet.shape, whole=side is not None)
        # What is enlarged is sent as it is: the next stage enlarges it again.
        kept = [part if zoom > 1 else own for part, (own, zoom) in zip(parts, fitted, strict=True)]
        alone = len(pages) == len(views) == 1
        return {
            "page": tiles.padded(tiles.of(sheet, views[0]))[None],
            "zooms": np.array([zoom for _, zoom in fitted], np.float32),
            "sheets": _joined([] if alone else kept),
            "sheet_sizes": np.array([each.shape[:2] for each in kept], np.int32),
        }

    return run


def _joined(sheets: list[np.ndarray]) -> np.ndarray:
    """All of their bytes, sheet after sheet."""
    return np.concatenate([np.zeros(0, np.uint8), *(each.reshape(-1) for each in sheets)])


def _checked(maximum_side: np.ndarray) -> int:
    values = np.asarray(maximum_side).reshape(-1)
    if values.size != 1 or int(values[0]) not in ALLOWED_SIDES:
        raise InvalidArgument(
            f"maximum_side must be one number from {ALLOWED_SIDES[0]} to {ALLOWED_SIDES[-1]}, "
            f"found {values[:4].tolist()}"
        )
    return int(values[0])


def page_zoom(height: int, width: int, maximum_side: int | None = None) -> float:
    """How much a page is enlarged for detection.

    Args:
        height: in pixels.
        width: in pixels.
        maximum_side: the longer side at most, after zooming; by default a long page's shorter side
            decides, as it is cut into tiles.
    """
    longer, shorter = max(height, width), min(height, width)
    limit = maximum_side or MAXIMUM_SIDE
    if longer > limit:
        if maximum_side:
            return maximum_side / longer
        parts = min(1.0, MINIMUM_SIDE / shorter, tiles.LARGEST_SIDE / longer)
        return max(limit / longer, parts)
    wanted = min(MINIMUM_SIDE / shorter, LARGEST_ENLARGED / longer, LARGEST_ZOOM)
    return min(max(wanted, 1.0), limit / longer)


def fit(pixels: np.ndarray, maximum_side: int | None = None) -> tuple[np.ndarray, float]:
    """The page as the detector shall see it, and its zoom.

    At PP-OCR's size, or as much smaller as its smallest type allows; a long page larger than
    PP-OCR would have it.

    Args:
        pixels: UINT8 [h, w, 3].
        maximum_side: the page's longer side at most, as :func:`page_zoom` takes it.
    """
    zoom = page_zoom(pixels.shape[0], pixels.shape[1], maximum_side)
    # Type is measured on the pixels that there are: enlarged ones tell no more.
    before = min(zoom, 1.0)
    seen = resize(pixels, before)
    height = type_size.x_height(seen)
    if height is not None:
        least = max(X_HEIGHT / height, SMALLEST_REDUCED / min(seen.shape[:2]))
        zoom = min(zoom, before * least)
    return (seen if zoom == before else resize(pixels, zoom)), zoom


def resize(pixels: np.ndarray, zoom: float) -> np.ndarray:
    """The pixels at another size, both axes by the same factor so that angles stay."""
    return tiles.zoomed(pixels, pixels.shape, zoom)
