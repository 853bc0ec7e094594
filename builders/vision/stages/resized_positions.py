"""A tower's position embeddings resized to an image's rows and columns of patches, as weights.

torch resizes them by two triangular filters, one along each side, wider where the result is
smaller (``interpolate(mode="bilinear", antialias=True)``). A filter is a matrix, and an embedding
in the result is the sum of all of them, each by the product of its row's and its column's weight.

To a single column of several rows, torch 2.13 resizes wrongly on a CPU: all rows get the first
one's weights. Here each row has its own.
"""

from __future__ import annotations

import numpy as np


def filter_weights(size: int, side: int) -> np.ndarray:
    """How much each of ``side`` positions counts in each of ``size``, FP32 [size, side]."""
    scale = side / size
    reach = max(scale, 1.0)
    found = np.zeros((size, side))
    for target in range(size):
        centre = scale * (target + 0.5)
        first = max(int(centre - reach + 0.5), 0)
        last = min(int(centre + reach + 0.5), side)
        distance = np.abs(np.arange(first, last) + 0.5 - centre) / reach
        weights = np.maximum(1 - distance, 0)
        found[target, first:last] = weights / weights.sum()
    return found.astype(np.float32)


def of_patches(rows: int, columns: int, side: int, filled: int) -> tuple[np.ndarray, np.ndarray]:
    """The weights along both sides for each of an image's patches, which go row by row.

    Args:
        rows, columns: of patches.
        side: rows, and columns, of the tower's own position embeddings.
        filled: how many patches there are with those that only fill up, which have the first one's.

    Returns:
        FP32 [filled, side], of rows and of columns.
    """
    along_rows = np.repeat(filter_weights(rows, side), columns, 0)
    along_columns = np.tile(filter_weights(columns, side), (rows, 1))
    missing = filled - rows * columns
    return _filled(along_rows, missing), _filled(along_columns, missing)


def _filled(weights: np.ndarray, missing: int) -> np.ndarray:
    """Weights and so many copies of the first patch's."""
    return np.concatenate([weights, np.repeat(weights[:1], missing, 0)])
