"""Greedy decoding of Connectionist Temporal Classification (Graves et al., ICML 2006)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

BLANK = 0
"""The class that means no character: PP-OCR puts it first."""


DOUBT = 0.1
"""Between two characters, a space counts from this probability on, even if the blank is likelier.

The recogniser swallows narrow spaces now and then. Measured on rendered pages, as the largest
probability of a space at the steps between two characters: where one was swallowed, 0.2 to 0.5;
where none belongs, below 0.01, except for close letters in a narrow typeface, as in "oxygen".
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


MIDDLE = 0.5
"""Scores above this are held to the least sure character; those below are means, so that a
``minimum_score`` of this drops lines that are mostly unsure, and none for one bad letter."""

DOUBTED = 0.3
"""What the least sure character takes of the rest, times the square of its doubt. Chosen on the
even page kinds, where 98.5 % of the lines scored 0.95 to 1.00 are right (97.8 % of those whose mean
is), and checked on the odd ones: 97.5 % (96.1 %). 95 % of the right lines are
scored so, and 2 of 80 lines in scripts that the recogniser does not know.
``python -m perf.against.rapidocr.scores`` shows it."""

UNREAD = 1.75
"""Two letters of a word that are this many times as far apart as letters usually are have others
between them, which the recogniser does not know and takes for nothing: Vietnamese "Cuộc họp" comes
as "Cuc hp", every letter certain. 1 % of the right lines on the page kinds have such a gap. 77 % of
the lines in scripts that the recogniser does not know have one, or two spaces on end."""

WIDE = frozenset("mwMW%@")
"""Letters that are half as wide again: each adds a quarter to its distance from its neighbour."""

USUAL = 2.0
"""Steps from letter to letter, for lines with too few letters to measure it: the page kinds'
median."""

SIGNS = "\u2e80"
"""Chinese and Japanese signs, from here on, are as far apart as their writer likes."""


def decode(
    index: np.ndarray, probability: np.ndarray, space: np.ndarray, characters: Sequence[str]
) -> tuple[str, np.ndarray]:
    """The best class of every step to text: repeats and blanks go, swallowed spaces come back.

    Args:
        index: INT [steps], the most probable class.
        probability: FP32 [steps], its probability.
        space: FP32 [steps], the probability of a space.
        characters: by class number.

    Returns:
        The text, and FP32 [k], how sure that is: the probability of each character at the step
        that gave it, and a 0 for each that seems to be there and was not read.
    """
    kept = index != BLANK
    kept[1:] &= index[1:] != index[:-1]
    steps = np.flatnonzero(kept)
    if not len(steps):
        return "", np.zeros(0, np.float32)
    read = [characters[k] for k in index[steps]]
    sure = probability[steps].astype(np.float32)
    spaced = _letterspaced(read, steps)
    if spaced is not None:
        return spaced, sure
    widest = [space[a + 1 : b].max(initial=0.0) for a, b in itertools.pairwise(steps)]
    unread = np.zeros(_unread(read, steps, np.array(widest) >= DOUBT), np.float32)
    for place in range(len(steps) - 1, 0, -1):
        first, second = steps[place - 1], steps[place]
        pair = read[place - 1] + read[place]
        close = pair.isalpha() and second - first < APART
        if widest[place - 1] >= DOUBT and " " not in pair and not close:
            read.insert(place, " ")
    return "".join(read), np.concatenate((sure, unread))


def score(sure: np.ndarray) -> float:
    """The score of a line, 0 to 1, from how sure its characters are, as :func:`decode` says it.

    Their mean; above :data:`MIDDLE` it is drawn towards that by the least of them, since one wrong
    character makes a line wrong. 0 for no characters.
    """
    if not len(sure):
        return 0.0
    mean, least = float(sure.mean()), float(sure.min())
    trust = 1 - DOUBTED * (1 - least) ** 2
    return MIDDLE + (mean - MIDDLE) * trust if mean > MIDDLE else mean


def _unread(read: Sequence[str], steps: np.ndarray, spaces: np.ndarray) -> int:
    """How many characters seem to be there and were not read.

    Args:
        read: the characters.
        steps: INT [characters], where each was read.
        spaces: BOOL [characters - 1], whether a space may stand after each.
    """
    pairs = list(itertools.pairwise(read))
    if not pairs:
        return 0
    wide = [1 + ((a in WIDE) + (b in WIDE)) / 4 for a, b in pairs]
    gaps = np.diff(steps) / np.array(wide)
    empty = np.array([a == " " == b for a, b in pairs])
    within = np.array([a.isalnum() and b.isalnum() and max(a, b) < SIGNS for a, b in pairs])
    usual = USUAL
    if within.sum() >= FEWEST:
        usual = float(np.median(gaps[within]))
        empty |= within & (gaps > UNREAD * usual) & ~spaces
    return int(np.maximum(np.rint(gaps[empty] / usual) - 1, 1).sum())


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
