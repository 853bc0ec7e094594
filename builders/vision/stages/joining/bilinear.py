"""Bilinear interpolation as ``torch.nn.functional.interpolate`` computes it on a CPU."""

from __future__ import annotations

import numpy as np


def resize(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """FP32 [rows, columns, width] at another number of rows and columns, corners not aligned.

    Args:
        values: FP32, at least one row and one column.
        size: rows and columns, at least 1.
    """
    above, below, lower = _places(values.shape[0], size[0])
    left, right, further = _places(values.shape[1], size[1])
    down, across = lower[:, None, None], further[None, :, None]
    upper = values[above][:, left] * (1 - across) + values[above][:, right] * across
    under = values[below][:, left] * (1 - across) + values[below][:, right] * across
    found: np.ndarray = upper * (1 - down) + under * down
    return found


def _places(given: int, wanted: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each of ``wanted`` points along an axis: the two between which it lies, and how near it is
    to the second, FP32, in the arithmetic of torch."""
    scale = np.float32(given) / np.float32(wanted)
    # As torch multiplies and subtracts at once, there is no rounding in between.
    at = (np.float64(scale) * (np.arange(wanted) + 0.5) - 0.5).astype(np.float32)
    at = np.maximum(at, np.float32(0))
    first = np.minimum(at.astype(np.int64), given - 1)
    second = np.minimum(first + 1, given - 1)
    return first, second, np.clip(at - first.astype(np.float32), 0, 1, dtype=np.float32)
