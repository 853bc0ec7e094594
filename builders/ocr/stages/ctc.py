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

SPACED = 4.5
"""Letters whose median distance is this many steps or more, 36 pixels of a crop's 48, are set apart
as in "D E P A R T M E N T"; in wide bold faces it is 3.5."""

FEWEST = 5
"""Fewer letters say nothing about how they are set."""

WORDS_APART = 1.35
"""Between words, letters that are set apart are this many times as far from each other."""

TYPED = 0.9
"""Where this part of the gaps has a space, as in "A B C D", the spaces are the writer's."""


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
    score = float(probability[steps].mean())
    spaced = _letterspaced(read, steps)
    if spaced is not None:
        return spaced, score
    for place in range(len(steps) - 1, 0, -1):
        first, second = steps[place - 1], steps[place]
        pair = read[place - 1] + read[place]
        close = pair.isalpha() and second - first < APART
        if space[first + 1 : second].max(initial=0.0) >= DOUBT and " " not in pair and not close:
            read.insert(place, " ")
    return "".join(read), score


def _letterspaced(read: Sequence[str], steps: np.ndarray) -> str | None:
    """The text of a line whose letters are set apart, parted at its wide gaps; None for others."""
    letters = [place for place, character in enumerate(read) if character != " "]
    text = [read[place] for place in letters]
    cased = sum(each.lower() != each.upper() for each in text)
    if cased < max(FEWEST, 0.8 * len(text)):
        return None
    gaps = np.diff(steps[letters])
    usual = float(np.median(gaps))
    if usual < SPACED or len(read) - len(text) >= TYPED * len(gaps):
        return None
    wide = gaps >= WORDS_APART * usual
    return text[0] + "".join(
        f" {each}" if apart else each for each, apart in zip(text[1:], wide, strict=True)
    )
