"""Quadrilaterals of text lines: FP32 [n, 4, 2], corners (x, y) clockwise in image coordinates.

Corner 0 is where reading starts: the edge from 0 to 1 runs along the line's top.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

THRESHOLD = 0.3
"""Probability above which a pixel is text: PP-OCR's ``thresh``."""

BOX_THRESHOLD = 0.5
"""Mean probability in a box above which it is kept: PP-OCR's ``box_thresh``."""

WEAK_THRESHOLD = 0.25
"""Boxes from here to the threshold may be what the detector kept of a long line."""

UNCLIP_RATIO = 1.6
"""The detector learns shrunken text; a box grows by area * this / perimeter on every side."""

MINIMUM_SIDE = 3.0
"""Boxes thinner than this, in page pixels, before they grow, are specks."""

LONG = 35.0
"""From this ratio of length to height on, a piece's own angle is better than its neighbours'."""

AWRY = 0.9
"""The cosine of an angle between a box and its page that an uneven outline may give it."""

PLAIN = 4.0
"""A piece this many times as long as high lies as it looks, by a few degrees."""

THICKER = 1.5
"""A long piece has its own angle, as in perspective, if its box along the page's lines is this much
higher than its box along its own longer side."""

MAXIMUM_QUADS = 1000
"""PP-OCR's ``max_candidates``: the most lines of one page."""


@dataclass(frozen=True)
class Found:
    """Text in a probability map.

    Attributes:
        quads: FP32 [n, 4, 2], the smallest rectangle around each piece, not grown yet.
        outlines: each piece's convex hull, FP32 [points, 2].
        contours: each piece's own outline, INT32 [points, 1, 2].
        scores: FP32 [n], the mean probability in each rectangle.
    """

    quads: np.ndarray
    outlines: list[np.ndarray]
    contours: list[np.ndarray]
    scores: np.ndarray


def find(probability: np.ndarray) -> Found:
    """The pieces of text of a probability map.

    As in Differentiable Binarization (Liao et al., "Real-time Scene Text Detection with
    Differentiable Binarization", AAAI 2020): contours of the thresholded map.

    Args:
        probability: FP32 [h, w].
    """
    mask = (probability > THRESHOLD).astype(np.uint8)
    mask = cv2.dilate(mask, np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    quads, outlines, kept, scores = [], [], [], []
    for contour in contours:
        rectangle = cv2.minAreaRect(contour)
        if min(rectangle[1]) < MINIMUM_SIDE:
            continue
        corners = cv2.boxPoints(rectangle)
        score = _mean_inside(probability, corners)
        if score < WEAK_THRESHOLD:
            continue
        quads.append(corners)
        outlines.append(cv2.convexHull(contour)[:, 0].astype(np.float32))
        kept.append(contour)
        scores.append(score)
        if len(quads) == MAXIMUM_QUADS:
            break
    found = np.array(quads, np.float32).reshape(-1, 4, 2)
    return Found(clockwise(found), outlines, kept, np.array(scores, np.float32))


def refit(quads: np.ndarray, outlines: Sequence[np.ndarray], angle: float) -> np.ndarray:
    """Short pieces' rectangles along the page's lines instead of along their own rough outline.

    Args:
        quads: [n, 4, 2], oriented.
        outlines: each one's hull.
        angle: of the page's lines, in radians.

    Returns:
        [n, 4, 2]. Long ones stay, as their own angle is the better one, and so do those that lie
        across the page's lines.
    """
    along = np.array((np.cos(angle), np.sin(angle)))
    across = np.array((-along[1], along[0]))
    fitted = quads.copy()
    width, height = sizes(quads)
    for index, outline in enumerate(outlines):
        edge = (quads[index, 1] - quads[index, 0]) / max(float(width[index]), 1e-3)
        if width[index] > LONG * height[index] or edge @ along < AWRY:
            continue
        u, v = outline @ along, outline @ across
        if width[index] > PLAIN * height[index] and np.ptp(v) > THICKER * height[index]:
            continue
        corners = ((u.min(), v.min()), (u.max(), v.min()), (u.max(), v.max()), (u.min(), v.max()))
        fitted[index] = np.array(corners) @ np.stack((along, across))
    return fitted


def grow(quads: np.ndarray) -> np.ndarray:
    """Rectangles grown on every side by the unclip distance, for a rectangle in closed form."""
    width, height = sizes(quads)
    distance = width * height * UNCLIP_RATIO / np.maximum(2 * (width + height), 1e-3)
    along = (quads[:, 1] - quads[:, 0]) / np.maximum(width, 1e-3)[:, None]
    across = (quads[:, 3] - quads[:, 0]) / np.maximum(height, 1e-3)[:, None]
    u, v = along * distance[:, None], across * distance[:, None]
    return np.asarray(quads + np.stack((-u - v, u - v, u + v, -u + v), 1))


def _mean_inside(probability: np.ndarray, corners: np.ndarray) -> float:
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
