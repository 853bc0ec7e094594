"""When each token was said, by where in the sound the decoder looked.

The method is OpenAI's (whisper/timing.py), as transformers applies it (generation_whisper.py,
``_extract_token_timestamps``): the cross-attention of the checkpoint's alignment heads is
normalised over the tokens, smoothed by a median filter and averaged over the heads; dynamic time
warping then lays the tokens along the sound.

Costs are summed in double precision. transformers sums them in single, and so misses the cheapest
path now and then, by a position.
"""

from __future__ import annotations

import numpy as np


def token_ends(attention: np.ndarray, positions: int, width: int) -> np.ndarray:
    """Where each token ends, and the next begins.

    Args:
        attention: FP32 [tokens, heads, all positions]: the weights with which the decoder, given
            each token, looked for the next. All 0 for a last token that nothing was asked to
            follow: it ends where the one before does.
        positions: of the encoder, at least one: only those that the sound reaches.
        width: of the median filter, an odd number.

    Returns:
        INT64 [tokens], positions that never decrease. The first is 0: a path begins in its corner.
    """
    count = len(attention)
    looked = attention[:-1] if count and not attention[-1].any() else attention
    if not len(looked):
        return np.zeros(count, np.int64)
    ends = align(-evidence(looked[..., :positions], width).astype(np.float64))[:, 0]
    return np.pad(ends, (0, count - len(ends)), mode="edge")


def evidence(attention: np.ndarray, width: int) -> np.ndarray:
    """The evidence for each token at each position.

    Args:
        attention: FP32 [tokens, heads, positions], at least one of each.
        width: of the median filter, an odd number.

    Returns:
        FP32 [tokens, positions]: standard scores among the tokens, median-filtered along the
        positions, their mean over the heads. 0 if all tokens are alike.
    """
    tokens, heads, positions = attention.shape
    total = np.zeros((tokens, positions), np.float32)
    # Head by head, so the working set stays in a core's cache.
    for head in range(heads):
        total += median_filtered(_standard_scores(attention[:, head]), width)
    return np.asarray(total / heads)


def _standard_scores(weights: np.ndarray) -> np.ndarray:
    """FP32 [tokens, positions] -> the same, of mean 0 and deviation 1 at each position."""
    # Weights may be as small as 1e-30: their squares are 0 in single precision.
    highest = weights.max(axis=0)
    shares = np.zeros_like(weights)
    np.divide(weights, highest, out=shares, where=highest > 0)
    shares -= shares.mean(axis=0)
    deviation = np.sqrt(np.mean(shares * shares, axis=0))
    scores = np.zeros_like(shares)
    np.divide(shares, deviation, out=scores, where=deviation > 0)
    return scores


def median_filtered(values: np.ndarray, width: int) -> np.ndarray:
    """The median of each value and its neighbours along the last axis, reflected at its ends.

    If there are too few values to be reflected, they stay as they are. To find the median, take any
    ``width // 2 + 2`` neighbours, drop the largest and the smallest, add another neighbour, and so
    on. That takes a few passes over whole arrays, while sorting handles each value by itself.

    Args:
        values: FP32 [..., values].
        width: an odd number.

    Returns:
        FP32 [..., values].
    """
    half, count = width // 2, values.shape[-1]
    if count <= half:
        return values
    edges = [(0, 0)] * (values.ndim - 1) + [(half, half)]
    padded = np.pad(values, edges, mode="reflect")
    neighbours = [padded[..., first : first + count] for first in range(width)]
    kept, rest = neighbours[: half + 2], neighbours[half + 2 :]
    while len(kept) > 1:
        kept = _all_but(np.maximum, np.minimum, _all_but(np.minimum, np.maximum, kept))
        kept += [rest.pop()] if rest else []
    return kept[0]


def _all_but(dropped: np.ufunc, other: np.ufunc, arrays: list[np.ndarray]) -> list[np.ndarray]:
    """The arrays' elements without their smallest (``np.minimum``) or largest, one array fewer."""
    worst, kept = arrays[0], []
    for each in arrays[1:]:
        kept.append(other(worst, each))
        worst = dropped(worst, each)
    return kept


def align(costs: np.ndarray) -> np.ndarray:
    """Dynamic time warping: the cheapest path from the first corner to the last.

    A step goes to the next column, to the next row, or to both. Among equal steps it stays in its
    row first, then goes to both.

    The cheapest way to a column of a row is to enter the row at or before it and to stay. With sums
    along the row that is a running minimum, so a row takes a few array operations.

    Args:
        costs: FP64 [rows, columns], finite, at least one of each.

    Returns:
        INT64 [rows, 2]: the first and the last column of each row's part of the path.
    """
    rows, columns = costs.shape
    up_to = np.cumsum(costs, axis=1)
    before = np.pad(up_to, ((0, 0), (1, 0)))[:, :-1]
    # Of the cheapest path to each cell: the column in which it entered the cell's row.
    entered = np.empty((rows, columns), np.int64)
    straight = np.empty((rows, columns), np.bool_)
    every = np.arange(columns)
    # The row above, a cell earlier: its first is the corner before the first cell.
    above = np.full(columns + 1, np.inf)
    above[0] = 0.0
    for row in range(rows):
        straight[row] = above[1:] < above[:-1]
        entry = np.minimum(above[1:], above[:-1]) - before[row]
        cheapest = np.minimum.accumulate(entry)
        better = np.concatenate([[True], entry[1:] < cheapest[:-1]])
        entered[row] = np.maximum.accumulate(np.where(better, every, 0))
        above[0] = np.inf
        above[1:] = cheapest + up_to[row]
    path = np.empty((rows, 2), np.int64)
    last = columns - 1
    for row in reversed(range(rows)):
        first = entered[row, last]
        path[row] = first, last
        last = first if straight[row, first] else first - 1
    return path
