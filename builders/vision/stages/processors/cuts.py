"""How an image is cut, known before anything is resized."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .pixels import Size


@dataclass(frozen=True)
class Cut:
    """A plan of tiles.

    Attributes:
        rows: of tiles beside the one of the whole image; 0 if there is no other.
        columns: likewise.
        size: the largest height and width that the image, or one of its tiles, is brought to.
        tiles: makes all tiles, UINT8 [side, side, 3] each, in the order in which the checkpoint's
            processor has them.
    """

    rows: int
    columns: int
    size: Size
    tiles: Callable[[], list[np.ndarray]]


def pieces(pixels: np.ndarray, rows: int, columns: int) -> list[np.ndarray]:
    """An image cut into equal pieces, row by row."""
    height, width = pixels.shape[0] // rows, pixels.shape[1] // columns
    return [
        pixels[row * height : (row + 1) * height, column * width : (column + 1) * width]
        for row in range(rows)
        for column in range(columns)
    ]
