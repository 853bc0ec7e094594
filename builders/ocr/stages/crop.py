"""Lines of pages as batches for the recogniser, in buckets of like widths.

``pixels`` UINT8 [h, w, 3], ``pages`` INT32 [p, 4], ``quads`` FP32 [n, 4, 2] in pixels of the image
with its bent pages laid flat, ``bends`` FP32 [p, 33, 33, 2] (how they are bent, or [0, 33, 33, 2]),
``turned`` FP32 [k, 2] (the classifier's probabilities of upright and upside down), ``sampled``
INT32 [k] (the page of each), ``orientation`` BOOL [1] (optional) -> ``crops_0`` .. UINT8 [m, 48,
width, 3], ``lines`` FP32 [r, 4, 2] in pixels of the line's page, page by page in reading order,
``line_pages`` INT32 [r], the page's number, ``slots`` INT32 [s, 4]: the reading, the bucket and the
row of each crop, and whether a space stands before its text; ``ways`` INT32 [r, 3]: which
readings exclude each other (:mod:`ways`).

A page that may be upside down is read both ways. So is a line that does not run along the page's. A
line that is too long for one crop gets several, in order (:mod:`long_lines`). A bucket without
lines holds one blank crop, which no slot names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from builders.kit.invalid_argument import InvalidArgument
from builders.stages import buckets

from .lines import long_lines, squeeze, stacked, warp
from .page import bends, direction, tiles
from .page.level import level
from .reading import ways
from .reading.reading_order import reading_order

WIDTHS = buckets.Costs(grain=16, call=64.0)
"""In pixels of crop width: the grain is two of the recogniser's steps."""

MOST_LINES = 1000
"""Lines of one request: what :func:`quads.find` gives of one page at most."""

FARTHEST = 1e6
"""Pixels from the image's corner; no line of an image that can be sent is farther off."""


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; the parameter ``buckets`` is how many calls of the recogniser there are."""
    count = int(parameters["buckets"])

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        quads, pages = _checked(inputs)
        free = bool(np.all(inputs.get("orientation", True)))
        places = bends.placing(pages, inputs["bends"])
        # A line belongs to the page that its middle is on.
        owners = bends.owners(np.array([top for _, top, _, _ in pages]), quads)
        pyramid = warp.Pyramid(inputs["pixels"], places)
        greys = warp.Pyramid(cv2.cvtColor(inputs["pixels"], cv2.COLOR_RGB2GRAY), places)
        found = [
            _page(
                page,
                quads[owners == k],
                inputs["turned"][inputs["sampled"] == k],
                free,
                pyramid,
                places,
            )
            for k, page in enumerate(pages)
        ]
        wanted = np.concatenate([each.quads for each in found])
        upright = np.concatenate([each.columns for each in found])
        pieces = long_lines.cut(greys, wanted, ~upright)
        columns = {
            number: stacked.line(pyramid, pieces.quads[number])
            for number in np.flatnonzero(upright[pieces.lines]).tolist()
        }
        crops, filled = fill(pyramid, greys, pieces.quads, count, columns)
        used = 0
        slots: list[list[tuple[int, ...]]] = []
        for each in found:
            for crop in (each.crops + used).tolist():
                own = np.flatnonzero(pieces.lines == crop)
                reading = len(slots)
                slots.append(
                    [(reading, *filled[k].tolist(), int(pieces.apart[k])) for k in own.tolist()]
                )
            used += len(each.quads)
        return {
            "lines": np.concatenate([each.lines for each in found]),
            "line_pages": np.repeat(
                np.array([page[0] for page in pages], np.int32), [len(e.lines) for e in found]
            ),
            "slots": np.array([slot for each in slots for slot in each], np.int32).reshape(-1, 4),
            "ways": np.concatenate([each.ways for each in found]),
        } | {f"crops_{number}": crop for number, crop in enumerate(crops)}

    return run


@dataclass(frozen=True)
class _Page:
    """What will be read of a page.

    Attributes:
        lines: FP32 [r, 4, 2], in pixels of the page.
        ways: INT32 [r, 3].
        quads: FP32 [c, 4, 2], what is cropped, in pixels of the image.
        crops: INT64 [r], which of them each reading reads.
        columns: BOOL [c], which of them are columns of signs.
    """

    lines: np.ndarray
    ways: np.ndarray
    quads: np.ndarray
    crops: np.ndarray
    columns: np.ndarray


def _page(
    page: Sequence[int],
    quads: np.ndarray,
    votes: np.ndarray,
    free: bool,
    pyramid: warp.Pyramid,
    places: bends.Places | None,
) -> _Page:
    """The readings of a page, of the quads that are on it."""
    _, top, height, width = page
    none = np.zeros(len(quads), bool)
    readings = ways.readings(
        quads,
        read,
        free and len(quads) > 0 and not ways.upright(votes),
        ways.odd(quads, direction.skew(quads)) if free else none,
        stacked.columns(pyramid, quads) if free else none,
    )
    used, crops = np.unique(readings.crops, return_inverse=True)
    lines = bends.boxes(readings.lines, places) if places else readings.lines
    lines = np.clip(lines - np.array((0, top)), 0, (width, height)).astype(np.float32)
    columns = used >= 2 * len(quads)
    return _Page(lines, readings.ways, ways.places(quads)[used], crops, columns)


def _checked(inputs: Mapping[str, np.ndarray]) -> tuple[np.ndarray, list[list[int]]]:
    """The quads and the pages of a request whose tensors fit together.

    Raises:
        InvalidArgument: they do not.
    """
    quads, pages = inputs["quads"], tiles.checked_pages(inputs["pixels"], inputs["pages"])
    if len(quads) > MOST_LINES:
        raise InvalidArgument(
            f"expected at most {MOST_LINES} lines in one request, found {len(quads)} on "
            f"{len(pages)} pages; ask for fewer of them with only_pages"
        )
    near = bool((np.abs(quads) <= FARTHEST).all())
    turned, sampled = inputs["turned"], inputs["sampled"]
    if not near or len(turned) != len(sampled) or not np.isfinite(turned).all():
        raise InvalidArgument(
            "expected quads near the image and, for each sample, its page and finite "
            f"probabilities, as locate and orient give them, found others, {len(sampled)} pages "
            f"for {len(turned)} samples"
        )
    return quads, pages


def read(quads: np.ndarray) -> np.ndarray:
    """The quads' indices in reading order, found in a frame in which their rows lie level."""
    if not len(quads):
        return np.zeros(0, np.int64)
    return reading_order(level(quads))


def fill(
    pyramid: warp.Pyramid,
    greys: warp.Pyramid,
    quads: np.ndarray,
    count: int,
    columns: Mapping[int, np.ndarray] | None = None,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Crops of all quads in ``count`` buckets, and each one's bucket and row.

    Args:
        pyramid: of the image.
        greys: of the image in greys.
        quads: [n, 4, 2] in pixels.
        count: of buckets.
        columns: crops that are made already, UINT8 [48, width, 3], by their quads' numbers.
    """
    columns = columns or {}
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
