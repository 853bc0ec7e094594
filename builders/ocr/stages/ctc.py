"""Greedy decoding of Connectionist Temporal Classification (Graves et al., ICML 2006)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BLANK = 0
"""The class that means no character: PP-OCR puts it first."""


DOUBT = 0.1
"""Between two characters, a space of this probability is one, though the blank is likelier.

The recogniser swallows narrow spaces now and then. Measured on rendered pages, as the largest
probability of a space at the steps between two characters: where one was swallowed, 0.2 to 0.5;
where none belongs, below 0.01, but for close letters in a narrow face, as in "oxygen".
"""

APART = 4
"""Two letters with a space between them are at least this many steps apart."""


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
        pair = read[place - 1] + read[place]
        close = pair.isalpha() and second - first < APART
        if space[first + 1 : second].max(initial=0.0) >= DOUBT and " " not in pair and not close:
            read.insert(place, " ")
    return "".join(read), float(probability[steps].mean())
