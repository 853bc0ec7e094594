"""Tiles laid out as the image lies, as LLaVA-NeXT and LLaVA-OneVision do it.

First stand the embeddings of the whole image, then those of the tiles, row by row over the whole
image, without what shows padding, each row ended by the checkpoint's ``image_newline``.
"""

from __future__ import annotations

import math

import numpy as np

from builders.kit.invalid_argument import InvalidArgument

from .bilinear import resize

CLEARLY = 1.1
"""Embeddings are made fewer where their sides are so many times too long."""


def join(
    tiles: np.ndarray,
    grid: tuple[int, int],
    size: tuple[int, int],
    newline: np.ndarray,
    most: int | None,
) -> np.ndarray:
    """FP32 [tokens, hidden].

    Args:
        tiles: FP32 [tiles, side * side, hidden], the whole image first.
        grid: rows and columns of the other tiles, both 0 if there are none.
        size: height and width of the image in pixels, before it was brought to the grid.
        newline: FP32 [hidden].
        most: keep the embeddings of so many tiles, or make them fewer; None keeps all.

    Raises:
        InvalidArgument: a side of so long an image would have no embeddings left.
    """
    whole, hidden = tiles[0], tiles.shape[2]
    if len(tiles) == 1:
        return np.concatenate([whole, newline[None]])
    side = int(tiles.shape[1] ** 0.5)
    rows, columns = grid
    laid = tiles[1:].reshape(rows, columns, side, side, hidden).transpose(0, 2, 1, 3, 4)
    laid = without_padding(laid.reshape(rows * side, columns * side, hidden), size)
    if most is not None:
        laid = _fewer(laid, most * side**2, size)
    ends = np.broadcast_to(newline, (len(laid), 1, hidden))
    return np.concatenate([whole, np.concatenate([laid, ends], 1).reshape(-1, hidden)])


def without_padding(laid: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The rows and columns that show the image, of [rows, columns, hidden].

    An image so long that its share of them rounds to nothing leaves none, as in transformers.

    Args:
        laid: embeddings as the padded image lies.
        size: height and width of the image in pixels.
    """
    (height, width), (rows, columns) = size, laid.shape[:2]
    if width / height > columns / rows:
        kept = int(round(height * (columns / width), 7))
        start = (rows - kept) // 2
        return laid[start : rows - start]
    kept = int(round(width * (rows / height), 7))
    start = (columns - kept) // 2
    return laid[:, start : columns - start]


def _fewer(laid: np.ndarray, most: int, size: tuple[int, int]) -> np.ndarray:
    rows, columns = laid.shape[:2]
    ratio = math.sqrt(rows * columns / most)
    if ratio <= CLEARLY:
        return laid
    few = int(rows // ratio), int(columns // ratio)
    if min(few) < 1:
        raise InvalidArgument(
            f"an image of {size[1]} x {size[0]} pixels is too long and narrow: its {rows} x "
            f"{columns} embeddings cannot be reduced to {most}; cut it into parts"
        )
    return resize(laid, few)
