"""Greedy decoding of Connectionist Temporal Classification (Graves et al., ICML 2006)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BLANK = 0
"""The class that means no character: PP-OCR puts it first."""


SPACE_THRESHOLD = 0.01
"""Between two characters, a space of this probability is one, though the blank is likelier.

The recogniser swallows spaces where they are narrow. On rendered text the likeliest step between
two characters gave a space 0.007 to 0.5 where one was swallowed, and below 0.003 where none was.
"""


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
        between = space[steps[place - 1] + 1 : steps[place]]
        if (
            between.size
            and between.max() >= SPACE_THRESHOLD
            and " " not in read[place - 1 : place + 1]
        ):
            read.insert(place, " ")
    return "".join(read), float(probability[steps].mean())
