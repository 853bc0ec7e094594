"""How far a reading is from a page's truth: in order, and whatever the order of its words."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from rapidfuzz.distance import Levenshtein

RUN = 12
"""Words that a reader joined, or parts that it split a word into, are found up to this many."""

_WORDS = re.compile(r"[\u3000-\u30ff\u4e00-\u9fff]|[^\s\u3000-\u30ff\u4e00-\u9fff]+")
"""A Chinese or Japanese sign is a word; elsewhere white space parts words."""


def plain(text: str) -> str:
    """Compatible forms made one (NFKC), every run of white space one space."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def characters(text: str) -> int:
    """How many a truth has."""
    return len(plain(text))


def words(text: str) -> list[str]:
    """The words of a text in their order; a Chinese or Japanese sign is one."""
    return _WORDS.findall(plain(text))


def in_order(truth: str, read: str) -> int:
    """Character edits from a truth to what was read."""
    return Levenshtein.distance(plain(truth), plain(read))


def free(truth: str, read: str) -> int:
    """Character edits when words may stand in any order.

    Words that both have are taken out first. The rest are paired by likeness, whole runs too:
    "stonebridge" for "stone bridge" is one edit, a space. What is left was lost or made up: it
    counts an edit for each character of the longer side.
    """
    expected, found = words(truth), words(read)
    both = Counter(expected) & Counter(found)
    lost, extra = _without(expected, both), _without(found, both)
    pairs = sorted(_pairs(lost, extra))
    edits = 0
    for _, cost, ours, theirs in pairs:
        if all(k in lost for k in ours) and all(k in extra for k in theirs):
            edits += cost
            for k in ours:
                del lost[k]
            for k in theirs:
                del extra[k]
    return edits + max(sum(map(len, lost.values())), sum(map(len, extra.values())))


def _without(words: list[str], both: Counter[str]) -> dict[int, str]:
    """The words, by place, without those in the counter."""
    left, kept = both.copy(), {}
    for place, word in enumerate(words):
        if left[word]:
            left[word] -= 1
        else:
            kept[place] = word
    return kept


def _pairs(
    lost: dict[int, str], extra: dict[int, str]
) -> list[tuple[float, int, list[int], list[int]]]:
    """Runs that are better paired than lost and made up: how unlike, edits, places of both."""
    singles = [[k] for k in lost], [[k] for k in extra]
    candidates = [
        *((a, b) for a in singles[0] for b in singles[1]),
        *((a, b) for a in _runs(lost) for b in singles[1]),
        *((a, b) for a in singles[0] for b in _runs(extra)),
    ]
    pairs = []
    for a, b in candidates:
        first, second = " ".join(lost[k] for k in a), " ".join(extra[k] for k in b)
        longer = max(len(first), len(second))
        cost = Levenshtein.distance(first, second, score_cutoff=longer - 1)
        if cost < longer:
            pairs.append((cost / longer, cost, a, b))
    return pairs


def _runs(words: dict[int, str]) -> list[list[int]]:
    """Neighbouring places, two to :data:`RUN` of them."""
    return [
        list(range(first, first + length))
        for first in words
        for length in range(2, RUN + 1)
        if all(first + k in words for k in range(length))
    ]
