"""What a tower of grids takes beside the patches: numbers that depend on the grids alone.

A grid is the frames, rows and columns of an image's patches; a still image has one frame. Grids are
INT64 [images, 3]. Patches come image by image, in blocks of ``merge`` times ``merge`` that become
one token.
"""

from __future__ import annotations

import numpy as np

FILL = -1
"""In a table of patches: no patch, only a place that fills a row up."""


def arrays(grids: np.ndarray, merge: int, window: int = 0, table: int = 0) -> dict[str, np.ndarray]:
    """All that a tower takes beside the patches.

    Args:
        grids: the images', INT64 [images, 3].
        merge: the side of a token, in patches.
        window: of a window, in tokens; 0 for a tower without windows.
        table: of the square of position embeddings; 0 for a tower without them.

    Returns:
        By name: ``position_ids`` INT64 [tokens, unit, 2], ``segments`` INT64 [segments, longest]
        and ``segment_places`` INT64 [tokens, unit]; with windows also ``windows`` INT64 [windows,
        patches of one] and ``window_places`` INT64 [tokens, unit]; with position embeddings also
        ``corners`` INT64 and ``corner_weights`` FP32 [tokens, unit, 4].
    """
    unit = merge * merge
    frames = segments(grids)
    found = {
        "position_ids": positions(grids, merge).reshape(-1, unit, 2),
        "segments": frames,
        "segment_places": places(frames).reshape(-1, unit),
    }
    if window:
        cut = windows(grids, merge, window)
        found |= {"windows": cut, "window_places": places(cut).reshape(-1, unit)}
    if table:
        numbers, weights = corners(grids, merge, table)
        found["corners"] = numbers.reshape(-1, unit, 4)
        found["corner_weights"] = weights.reshape(-1, unit, 4)
    return found


def positions(grids: np.ndarray, merge: int) -> np.ndarray:
    """Each patch's row and column in its image, INT64 [patches, 2]."""
    found = []
    for frames, rows, columns in grids.tolist():
        places = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), -1)
        blocks = places.reshape(rows // merge, merge, columns // merge, merge, 2)
        found.append(np.tile(blocks.transpose(0, 2, 1, 3, 4).reshape(-1, 2), (frames, 1)))
    return np.concatenate(found).astype(np.int64)


def segments(grids: np.ndarray) -> np.ndarray:
    """Which patches attend to each other: those of one frame.

    Returns:
        INT64 [segments, longest], a row for each frame: its patches' numbers, then :data:`FILL`.
    """
    lengths = np.repeat(grids[:, 1] * grids[:, 2], grids[:, 0])
    starts = np.cumsum(lengths) - lengths
    within = np.arange(int(lengths.max()))
    table = np.where(within < lengths[:, None], starts[:, None] + within, FILL)
    return table.astype(np.int64)


def windows(grids: np.ndarray, merge: int, side: int) -> np.ndarray:
    """Which patches attend to each other in a layer that sees windows; those at the right and lower
    edges of an image may have fewer patches.

    Args:
        grids: the images'.
        merge: the side of a token, in patches.
        side: of a window, in tokens.

    Returns:
        INT64 [windows, side * side * merge * merge]: patches' numbers, and :data:`FILL`.
    """
    found, first, unit = [], 0, merge * merge
    for frames, rows, columns in grids.tolist():
        shape = (frames, rows // merge, columns // merge)
        tokens = first + np.arange(np.prod(shape)).reshape(shape)
        down, across = -(-shape[1] // side), -(-shape[2] // side)
        filled = np.full((frames, down * side, across * side), FILL)
        filled[:, : shape[1], : shape[2]] = tokens
        cut = filled.reshape(frames, down, side, across, side).transpose(0, 1, 3, 2, 4)
        found.append(cut.reshape(-1, side * side, 1))
        first += int(np.prod(shape))
    table = np.concatenate(found)
    patches = np.where(table == FILL, FILL, table * unit + np.arange(unit))
    return patches.reshape(len(table), -1).astype(np.int64)


def places(table: np.ndarray) -> np.ndarray:
    """Where each patch stands in a table of :func:`segments` or :func:`windows`, counted row by
    row, INT64 [patches]."""
    flat = table.reshape(-1)
    taken = np.flatnonzero(flat != FILL)
    found = np.empty(len(taken), np.int64)
    found[flat[taken]] = taken
    return found


def corners(grids: np.ndarray, merge: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Which position embeddings each patch lies between, and how near it is to each.

    Position embeddings lie in a square, whose corners are an image's corner patches.

    Args:
        grids: the images'.
        merge: the side of a token, in patches.
        side: of the square, in embeddings.

    Returns:
        INT64 [patches, 4] and FP32 [patches, 4], the four of which sum to 1.
    """
    sizes = np.repeat(grids[:, 1:], grids.prod(1), axis=0)
    rows, columns = (
        _between(each, size, side)
        for each, size in zip(positions(grids, merge).T, sizes.T, strict=True)
    )
    numbers = rows[0][:, :, None] * side + columns[0][:, None, :]
    weights = rows[1][:, :, None] * columns[1][:, None, :]
    return numbers.reshape(-1, 4), weights.reshape(-1, 4)


def _between(places: np.ndarray, sizes: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Along one axis: the two neighbours, INT64 [patches, 2], and their weights, FP32."""
    # The operations and their types are transformers', so that the weights are equal to its own.
    spans = np.maximum(sizes - 1, 1).astype(np.float32)
    at = places.astype(np.float32) * np.float32(side - 1) / spans
    low = np.floor(at)
    offsets = np.arange(2, dtype=np.float32)
    neighbours = np.clip(low.astype(np.int64)[:, None] + np.arange(2), 0, side - 1)
    distances = np.abs(at[:, None] - low[:, None] - offsets)
    return neighbours, np.maximum(np.float32(1) - distances, np.float32(0))
