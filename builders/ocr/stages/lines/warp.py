"""Text lines cut out of an image and laid flat at the recogniser's height."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

HEIGHT = 48
"""The height of a crop, in pixels: PP-OCR's ``rec_img_shape``."""

PADDING = 127
"""The grey right of a crop: the recogniser learnt with zeros there, after normalisation."""

SMALLEST_WIDTH, LARGEST_WIDTH = 16, 3200
"""Crops are stretched or squeezed into these widths."""

GRAIN = 16
"""Every so many pixels of a crop a bent line's place is looked up."""

LARGEST_SOURCE = 32_000
"""Sides of what OpenCV warps at once: it counts them in 16 bits."""


def crop_widths(quads: np.ndarray) -> np.ndarray:
    """The width of each quad's undistorted crop at :data:`HEIGHT`, INT64 [n]."""
    return np.asarray(np.clip(undistorted(quads), SMALLEST_WIDTH, LARGEST_WIDTH), np.int64)


def undistorted(quads: np.ndarray) -> np.ndarray:
    """The same without bounds, FP64 [n]."""
    across = np.linalg.norm(quads[:, 1] - quads[:, 0], axis=1).astype(np.float64)
    down = np.maximum(np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1), 1e-3)
    return np.asarray(np.rint(across / down * HEIGHT))


class Pyramid:
    """An image at half sizes, made when first needed: large type is reduced without aliasing."""

    def __init__(
        self, pixels: np.ndarray, places: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> None:
        """
        Args:
            pixels: of the image.
            places: where a line's points are in the image, if not where its quad says:
                :func:`bends.placing`.
        """
        self._levels = [pixels]
        self._places = places

    def crop(self, quad: np.ndarray, width: int, height: int = HEIGHT) -> np.ndarray:
        """A quad laid flat.

        Args:
            quad: [4, 2], a rectangle or parallelogram, in pixels of the image.
            width: of the crop.
            height: of the crop.

        Returns:
            UINT8 [height, width, 3], or [height, width] of an image of greys.
        """
        scale = float(np.linalg.norm(quad[3] - quad[0])) / height
        level = 0
        while scale >= 2.0 and min(self._levels[level].shape[:2]) >= 4:
            level, scale = level + 1, scale / 2
            if level == len(self._levels):
                last = self._levels[-1]
                half = (max(1, last.shape[1] // 2), max(1, last.shape[0] // 2))
                self._levels.append(cv2.resize(last, half, interpolation=cv2.INTER_AREA))
        pixels = self._levels[level]
        factor = np.array(pixels.shape[1::-1]) / np.array(self._levels[0].shape[1::-1])
        if self._places:
            return self._bent(pixels, factor, quad, (height, width))
        source = quad[[0, 1, 3]] * factor
        if max(pixels.shape[:2]) > LARGEST_SOURCE:
            pixels, source = _around(pixels, source)
        target = np.array(((0, 0), (width, 0), (0, height)), np.float32)
        matrix = cv2.getAffineTransform(source.astype(np.float32), target)
        crop = cv2.warpAffine(
            pixels, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(crop)

    def _bent(
        self, pixels: np.ndarray, factor: np.ndarray, quad: np.ndarray, size: tuple[int, int]
    ) -> np.ndarray:
        """A crop of the pixels of a level, point by point."""
        assert self._places
        down, right = (np.arange(0, side + GRAIN, GRAIN)[:, None] / side for side in size)
        flat = quad[0] + (right * (quad[1] - quad[0]))[None] + (down * (quad[3] - quad[0]))[:, None]
        source = (self._places(flat) * factor).astype(np.float32)
        source = _finer(_finer(source).swapaxes(0, 1)).swapaxes(0, 1)[: size[0], : size[1]]
        first = np.clip(np.floor(source.min((0, 1))) - 2, 0, np.array(pixels.shape[1::-1]) - 1)
        left, top = first.astype(int).tolist()
        end_x, end_y = (np.ceil(source.max((0, 1))) + 3).astype(int).tolist()
        part = pixels[top : max(end_y, top + 1), left : max(end_x, left + 1)]
        x, y = np.ascontiguousarray((source - first.astype(np.float32)).transpose(2, 0, 1))
        return np.asarray(cv2.remap(part, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _finer(points: np.ndarray) -> np.ndarray:
    """Points at every pixel along axis 0, of those at every :data:`GRAIN`-th."""
    part = np.linspace(0, 1, GRAIN, endpoint=False, dtype=np.float32)[:, None, None]
    between = points[:-1, None] * (1 - part) + points[1:, None] * part
    return np.asarray(between.reshape(-1, *points.shape[1:]))


def _around(pixels: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of an image around a parallelogram, and its corners there; long sides are reduced.

    Args:
        pixels: UINT8 [h, w, 3], or [h, w].
        corners: [3, 2], the corners 0, 1 and 3 in pixels.
    """
    last = np.array(pixels.shape[1::-1]) - 1
    hull = np.concatenate((corners, corners[1:2] + corners[2:3] - corners[:1]))
    first = np.clip(np.floor(hull.min(0)) - 2, 0, last).astype(int)
    end = np.clip(np.ceil(hull.max(0)) + 2, first, last).astype(int) + 1
    part, corners = pixels[first[1] : end[1], first[0] : end[0]], corners - first
    size = np.minimum(end - first, LARGEST_SOURCE)
    if (size < end - first).any():
        corners = corners * (size / (end - first))
        part = cv2.resize(part, size.tolist(), interpolation=cv2.INTER_AREA)
    return part, corners


def batch(pyramid: Pyramid, quads: np.ndarray, widths: np.ndarray, width: int) -> np.ndarray:
    """Crops of several quads, each at its own width, padded to one.

    Returns:
        UINT8 [n, HEIGHT, width, 3].
    """
    crops = np.full((len(quads), HEIGHT, width, 3), PADDING, np.uint8)
    for row, (quad, own) in enumerate(zip(quads, widths, strict=True)):
        crops[row, :, :own] = pyramid.crop(quad, int(own))
    return crops


def blank(width: int = 32) -> np.ndarray:
    """One crop without text: a call of zero crops breaks PP-OCR's graphs."""
    return np.full((1, HEIGHT, width, 3), PADDING, np.uint8)
