"""Text lines in the detector's probability map, and samples to tell which end is up.

``probability`` FP32 [1, 1, H, W], ``page`` UINT8 [1, H, W, 3], ``orientation`` BOOL [1] (optional)
-> ``quads`` FP32 [n, 4, 2] in page pixels, along the page's lines, ``samples`` UINT8
[k, 48, 192, 3], pieces of the longest lines for the orientation classifier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from builders.kit.invalid_argument import InvalidArgument

from . import direction, ends, warp
from . import quads as q

SAMPLES = 6
"""How many pieces of lines vote."""

SAMPLE_WIDTH = 192
"""The classifier's input width: pieces of lines are shown unsqueezed."""

LARGEST_SIDE = 16_384
"""Of a page, in pixels: lines on a page's diagonal must not be longer than OpenCV can warp."""


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; it has no parameters."""

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        free = bool(np.all(inputs.get("orientation", True)))
        probability, page = _checked(inputs["probability"], inputs["page"])
        quads = locate(probability, page, free)
        samples = sample(page, quads) if free and len(quads) else None
        if samples is None:
            samples = warp.blank(SAMPLE_WIDTH)
        return {"quads": quads, "samples": samples}

    return run


def _checked(probability: np.ndarray, page: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The map and the page, as :func:`locate` takes them."""
    height, width = page.shape[1:3]
    if (
        page.shape[0] != 1
        or probability.shape != (1, 1, height, width)
        or not 0 < min(height, width) <= max(height, width) <= LARGEST_SIDE
    ):
        raise InvalidArgument(
            f"expected one page, with sides from 1 to {LARGEST_SIDE}, and a probability for each "
            f"of its pixels, found a page of shape {list(page.shape)} and probabilities of shape "
            f"{list(probability.shape)}"
        )
    if not np.isfinite(probability).all():
        raise InvalidArgument("expected finite probabilities, found NaN or infinity")
    return probability[0, 0], page[0]


def locate(probability: np.ndarray, page: np.ndarray, free: bool = True) -> np.ndarray:
    """The lines' quads, starting where reading starts if the page is not upside down.

    Args:
        probability: FP32 [h, w].
        page: UINT8 [h, w, 3].
        free: the page may lie on its side; otherwise lines that run up are turned ones.

    Returns:
        FP32 [n, 4, 2].
    """
    found = q.find(probability)
    angle = direction.axis(found.quads)
    if not free and abs(angle) > np.pi / 4:
        angle = 0.0
    oriented = q.refit(direction.orient(found.quads, angle), found.outlines, angle)
    return ends.mend(page, q.grow(oriented), found.scores < q.BOX_THRESHOLD)


def sample(page: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Pieces of the longest lines, from their middles.

    Args:
        page: UINT8 [h, w, 3].
        quads: [n, 4, 2], n > 0.

    Returns:
        UINT8 [k, 48, 192, 3], k from 1 to :data:`SAMPLES`.
    """
    width, height = q.sizes(quads)
    chosen = np.argsort(-width / np.sqrt(height), kind="stable")[:SAMPLES]
    pyramid = warp.Pyramid(page)
    samples = []
    for quad in quads[chosen]:
        length = int(warp.crop_widths(quad[None])[0])
        if length > SAMPLE_WIDTH:
            along = (quad[1] - quad[0]) * (1 - SAMPLE_WIDTH / length) / 2
            quad = quad + np.stack((along, -along, -along, along))
            length = SAMPLE_WIDTH
        crop = np.full((warp.HEIGHT, SAMPLE_WIDTH, 3), warp.PADDING, np.uint8)
        crop[:, :length] = pyramid.crop(quad, length)
        samples.append(crop)
    return np.stack(samples)
