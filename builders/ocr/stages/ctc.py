"""Greedy decoding of Connectionist Temporal Classification (Graves et al., ICML 2006)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BLANK = 0
"""The class that means no character: PP-OCR puts it first."""


# The recogniser swallows spaces where they are narrow, and its doubt shows it. Measured on rendered
# pages, as the largest probability of a space at the steps between two characters: where one was
# swallowed, 0.01 to 0.5 for letters five steps (0.8 of a line's height) apart or farther, 0.25 to
# 0.5 for closer ones, 0.05 to 0.4 beside digits and signs; where none belongs, below 0.003, but
# up to 0.3 for close letters with a gap of their own, as in "oxygen" in a narrow serif face.
APART = 5
"""Steps between two letters from which on a slight doubt is enough."""

LETTERS_APART, LETTERS_CLOSE, SIGNS = 0.02, 0.35, 0.03
"""The probabilities from which on a swallowed space is put back."""


def decode(
    index: np.ndarray, probability: np.ndarray, space: np.ndarray, characters: Sequence[str]
) -> tuple[str, float]:
    """The best class of every step to text: repeats and blanks go, swallowed spaces come back.

    Args:
        index: INT [steps], the most probable class.
        probability: FP32 [steps], its probability.
        space: FP32 [steps], the probability of a space.
        characters: by class number.

    Returns:
        The text, and the mean probability of the steps that gave its characters; 0 for no text.
    """
    kept = index != BLANK
    kept[1:] &= index[1:] != index[:-1]
    steps = np.flatnonzero(kept)
    if not len(steps):
        return "", 0.0
    read = [characters[k] for k in index[steps]]
    for place in range(len(steps) - 1, 0, -1):
        first, second = steps[place - 1], steps[place]
        doubt = float(space[first + 1 : second].max(initial=0.0))
        if doubt >= _threshold(read[place - 1], read[place], int(second - first)):
            read.insert(place, " ")
    return "".join(read), float(probability[steps].mean())


def _threshold(left: str, right: str, apart: int) -> float:
    """The probability of a space from which on one stands between two characters."""
    if " " in (left, right):
        return float("inf")
    if left.isalpha() and right.isalpha():
        return LETTERS_APART if apart >= APART else LETTERS_CLOSE
    return SIGNS
