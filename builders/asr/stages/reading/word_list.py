"""A request's closed list of words, as the tokens can spell them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from builders.kit.invalid_argument import InvalidArgument

from .words import Vocabulary, Word

MOST_WORDS = 20_000
"""Words in a list: most that people say, and a second's work the first time."""

LONGEST_WORD = 100
"""Characters of a word."""


class WordList:
    """The words that may be said, in any spelling that the tokens allow.

    Attributes:
        complete: the words as pieces spell them, marks of white space included.
        tokens: INT [n], sorted: the tokens that can stand in them, and the blank.

    Args:
        vocabulary: spells them.
        blank: the number of the token that stands for none.
        listed: UTF-8 text, a word each.

    Raises:
        InvalidArgument: no word, too many, or one that cannot be said.
    """

    def __init__(self, vocabulary: Vocabulary, blank: int, listed: Sequence[bytes]) -> None:
        if not 0 < len(listed) <= MOST_WORDS:
            raise InvalidArgument(
                f"word_list: expected 1 to {MOST_WORDS} words, found {len(listed)}; "
                "leave it out to allow every word"
            )
        numbers = vocabulary.numbers
        lengths = sorted({len(piece) for piece in numbers})
        self.complete: set[str] = set()
        self._as_listed: dict[str, str] = {}
        used = {blank}
        for word in map(_word, listed):
            spelt = vocabulary.spelt(word)
            reached = [True] + [False] * len(spelt)
            for start in range(len(spelt)):
                if not reached[start]:
                    continue
                for length in lengths:
                    number = numbers.get(spelt[start : start + length])
                    if number is not None and start + length <= len(spelt):
                        reached[start + length] = True
                        used.add(number)
            if not reached[-1]:
                raise InvalidArgument(_unspeakable(word, spelt, numbers))
            self.complete.add(spelt)
            self._as_listed.setdefault(vocabulary.text(spelt), word)
        self._sorted = sorted(self.complete)
        self.tokens = np.array(sorted(used))

    def begins(self, spelt: str) -> bool:
        """Whether pieces joined are the beginning of a word, or all of it."""
        place = bisect_left(self._sorted, spelt)
        return place < len(self._sorted) and self._sorted[place].startswith(spelt)

    def only(self, found: Iterable[Word]) -> list[Word]:
        """Words that were read, as listed; without one that the end of speech cut off."""
        return [
            replace(word, text=self._as_listed[word.text])
            for word in found
            if word.text in self._as_listed
        ]


def _word(given: bytes) -> str:
    try:
        word = given.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise InvalidArgument(
            f"word_list: expected words as UTF-8 text, found the bytes {given[:20]!r}"
        ) from problem
    if len(word) > LONGEST_WORD:
        raise InvalidArgument(
            f"word_list: expected words of at most {LONGEST_WORD} characters, "
            f"found {len(word)}: '{word[:20]}…'"
        )
    if not word.split() or word.split() != [word]:
        raise InvalidArgument(
            f"word_list: expected single words without white space, found {word!r}; "
            "list each word by itself"
        )
    return word


def _unspeakable(word: str, spelt: str, numbers: dict[str, int]) -> str:
    missing = dict.fromkeys(_missing(spelt, numbers))
    why = f"which has {', '.join(map(repr, missing))}" if missing else "which no tokens make up"
    return (
        f"word_list: expected words that the model's tokens can spell, found '{word}', {why}; "
        "write words as the model writes them"
    )


def _missing(spelt: str, numbers: dict[str, int]) -> Iterator[str]:
    known = {character for piece in numbers for character in piece}
    return (character for character in spelt if character not in known)
