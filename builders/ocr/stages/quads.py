"""Quadrilaterals of text lines: FP32 [n, 4, 2], corners (x, y) clockwise in image coordinates.

Corner 0 is where reading starts: the edge from 0 to 1 runs along the line's top.
"""

from __future__ import annotations

import cv2
import numpy as np

THRESHOLD = 0.3
"""Probability above which a pixel is text: PP-OCR's ``thresh``."""

BOX_THRESHOLD = 0.5
"""Mean probability in a box above which it is kept: PP-OCR's ``box_thresh``."""

UNCLIP_RATIO = 1.6
"""The detector learns shrunken text; a box grows by area * this / perimeter on every side."""

MINIMUM_SIDE = 3.0
"""Boxes thinner than this, in page pixels, before they grow, are specks."""

MAXIMUM_QUADS = 1000
"""PP-OCR's ``max_candidates``: the most lines of one page."""


def find_quads(probability: np.ndarray) -> np.ndarray:
    """The boxes of a text probability map.

    The boxes of Differentiable Binarization (Liao et al., "Real-time Scene Text Detection with
    Differentiable Binarization", AAAI 2020): contours of the thresholded map, the smallest
    rectangle around each, grown by the unclip distance, which for a rectangle is exact.

    Args:
        probability: FP32 [h, w].

    Returns:
        FP32 [n, 4, 2] in pixels of the map, corners clockwise from any one.
    """
    mask = (probability > THRESHOLD).astype(np.uint8)
    mask = cv2.dilate(mask, np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for contour in contours:
        centre, (width, height), degrees = cv2.minAreaRect(contour)
        if min(width, height) < MINIMUM_SIDE:
            continue
        if _mean_inside(probability, centre, (width, height), degrees) < BOX_THRESHOLD:
            continue
        grow = width * height * UNCLIP_RATIO / (width + height)
        found.append(cv2.boxPoints((centre, (width + grow, height + grow), degrees)))
        if len(found) == MAXIMUM_QUADS:
            break
    return np.array(found, np.float32).reshape(-1, 4, 2)


def _mean_inside(
    probability: np.ndarray,
    centre: tuple[float, float],
    size: tuple[float, float],
    degrees: float,
) -> float:
    corners = cv2.boxPoints((centre, size, degrees))
    height, width = probability.shape
    left, top = np.clip(np.floor(corners.min(0)), 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(0)), 0, (width - 1, height - 1)).astype(int)
    inside = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    cv2.fillPoly(inside, [(corners - (left, top)).astype(np.int32)], 1)
    return float(cv2.mean(probability[top : bottom + 1, left : right + 1], inside)[0])


def clockwise(quads: np.ndarray) -> np.ndarray:
    """The same corners in clockwise order (y points down), the first one kept."""
    x, y = quads[..., 0], quads[..., 1]
    area = (x * np.roll(y, -1, 1) - np.roll(x, -1, 1) * y).sum(1)
    return np.where((area < 0)[:, None, None], quads[:, [0, 3, 2, 1]], quads)


def start_along(quads: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Rotates each quad's corners so that its edge 0-1 runs as nearly as can be along a direction.

    Args:
        quads: [n, 4, 2], clockwise.
        direction: (x, y), or one for each quad [n, 2].
    """
    if not len(quads):
        return quads
    edges = np.roll(quads, -1, 1) - quads
    lengths = np.linalg.norm(edges, axis=2)
    along = (edges * np.asarray(direction).reshape(-1, 1, 2)).sum(2) / np.maximum(lengths, 1e-6)
    first = along.argmax(1)
    return np.take_along_axis(quads, ((first[:, None] + np.arange(4)) % 4)[..., None], 1)


def sizes(quads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each quad's length along its text, and its height."""
    width = np.linalg.norm(quads[:, 1] - quads[:, 0], axis=1)
    width = np.maximum(width, np.linalg.norm(quads[:, 2] - quads[:, 3], axis=1))
    height = np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1)
    height = np.maximum(height, np.linalg.norm(quads[:, 2] - quads[:, 1], axis=1))
    return width, height
