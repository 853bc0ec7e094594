"""Lines of a page as batches for the recogniser, in buckets of like widths.

``pixels`` UINT8 [h, w, 3], ``zoom`` FP32 [1], ``quads`` FP32 [n, 4, 2] in page pixels, ``turned``
FP32 [k, 2] (the classifier's probabilities of upright and upside down), ``orientation`` BOOL [1]
(optional) -> ``crops_0`` .. UINT8 [m, 48, width, 3], ``lines`` FP32 [r, 4, 2] in pixels of the
image, in reading order, ``slots`` INT32 [r, 2]: the bucket and the row of each line's crop,
``ways`` INT32 [r, 3]: which readings exclude each other (:mod:`ways`).

A page that may be upside down is to be read both ways, and so is a line that does not run along
the page's. A bucket without lines holds one blank crop, which no slot names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np

from builders.kit.invalid_argument import InvalidArgument
from builders.stages import buckets

from . import direction, squeeze, stacked, warp, ways
from .reading_order import reading_order

WIDTHS = buckets.Costs(grain=16, call=64.0)
"""In pixels of crop width: the grain is two of the recogniser's steps."""

MOST_LINES = 1000
"""Lines of one page: what :func:`quads.find` gives at most."""

FARTHEST = 1e6
"""Pixels from the image's corner; farther off is no line of an image that could be sent."""


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; the parameter ``buckets`` is how many calls of the recogniser there are."""
    count = int(parameters["buckets"])

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        quads, zoom = _checked(inputs)
        free = bool(np.all(inputs.get("orientation", True)))
        doubtful = free and len(quads) > 0 and not ways.upright(inputs["turned"])
        quads = quads / zoom
        pyramid = warp.Pyramid(inputs["pixels"])
        none = np.zeros(len(quads), bool)
        readings = ways.readings(
            quads,
            read,
            doubtful,
            ways.odd(quads, direction.skew(quads)) if free else none,
            stacked.columns(pyramid, quads) if free else none,
        )
        used, places = np.unique(readings.crops, return_inverse=True)
        wanted = ways.places(quads)[used]
        columns = {
            number: stacked.line(pyramid, wanted[number])
            for number in np.flatnonzero(used >= 2 * len(quads)).tolist()
        }
        crops, slots = fill(inputs["pixels"], wanted, count, columns)
        height, width = inputs["pixels"].shape[:2]
        lines = np.clip(readings.lines, 0, (width, height)).astype(np.float32)
        return {"lines": lines, "slots": slots[places], "ways": readings.ways} | {
            f"crops_{number}": crop for number, crop in enumerate(crops)
        }

    return run


def _checked(inputs: Mapping[str, np.ndarray]) -> tuple[np.ndarray, float]:
    """The quads and the zoom of a request whose tensors fit together.

    Raises:
        InvalidArgument: they do not.
    """
    pixels, quads, zoom = inputs["pixels"], inputs["quads"], float(inputs["zoom"][0])
    if not pixels.size:
        raise InvalidArgument(
            f"expected pixels of an image, found none: shape {list(pixels.shape)}"
        )
    if len(quads) > MOST_LINES:
        raise InvalidArgument(f"expected at most {MOST_LINES} quads, found {len(quads)}")
    # A zoom that is no number, or next to nothing, makes the quads none.
    with np.errstate(all="ignore"):
        near = bool(zoom > 0 and (np.abs(quads / zoom) <= FARTHEST).all())
    if not near or not np.isfinite(inputs["turned"]).all():
        raise InvalidArgument(
            "expected a zoom above 0, quads near the image and finite probabilities, as "
            "prepare_page, locate and orient give them, found others, with a zoom of "
            f"{zoom:g}"
        )
    return quads, zoom


def read(quads: np.ndarray) -> np.ndarray:
    """The quads' indices in reading order, found in a frame in which their lines lie level."""
    if not len(quads):
        return np.zeros(0, np.int64)
    angle = direction.skew(quads)
    cosine, sine = np.cos(angle), np.sin(angle)
    level = quads @ np.array(((cosine, -sine), (sine, cosine)))
    return reading_order(np.concatenate((level.min(1), level.max(1)), axis=1))


def fill(
    pixels: np.ndarray,
    quads: np.ndarray,
    count: int,
    columns: Mapping[int, np.ndarray] | None = None,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Crops of all quads in ``count`` buckets, and each one's bucket and row.

    Args:
        pixels: UINT8 [h, w, 3].
        quads: [n, 4, 2] in pixels.
        count: of buckets.
        columns: crops that are made already, UINT8 [48, width, 3], by their quads' numbers.
    """
    columns = columns or {}
    pyramid = warp.Pyramid(pixels)
    greys = warp.Pyramid(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
    widths = np.array(
        [
            squeeze.fitted(width, squeeze.characters(greys.crop(quad, width)))
            for quad, width in zip(quads, warp.crop_widths(quads).tolist(), strict=True)
        ],
        np.int64,
    )
    widths = np.minimum(widths, warp.LARGEST_WIDTH)
    for number, column in columns.items():
        widths[number] = column.shape[1]
    slots = np.zeros((len(quads), 2), np.int32)
    crops = []
    for number, members in enumerate(buckets.partition(widths, count, WIDTHS)):
        if not len(members):
            crops.append(warp.blank())
            continue
        own = widths[members]
        crops.append(warp.batch(pyramid, quads[members], own, buckets.padded_size(own, WIDTHS)))
        for row, member in enumerate(members.tolist()):
            if member in columns:
                crops[-1][row, :, : own[row]] = columns[member]
        slots[members] = np.stack((np.full(len(members), number), np.arange(len(members))), 1)
    return crops, slots
