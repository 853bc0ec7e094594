"""What keeps a user's text from being read as control tokens.

A tokenizer reads ``<|im_end|>`` or ``<image>`` in a prompt as one token, whoever wrote it. So marks
go into what users write, before the template is filled in, wherever it has such a token, or begins
or ends in a part of one. Then they say which tokens are the template's own, and are taken out.
Texts without anything of the kind get no marks.

The marks are characters that Unicode keeps for a program's inside (U+FDD0 to U+FDEF); a user's own
become U+FFFD.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator

OPEN, CLOSE, CUT = "\ufdd0", "\ufdd1", "\ufdd2"
"""Around a token that a user wrote; within one, or at a text's edge."""

ANY = re.compile("[\ufdd0-\ufdef]")

_PIECES = re.compile("([\ufdd0-\ufdef])")


class Guard:
    """Marks what users write.

    Args:
        special: control tokens that no template looks for in a text: they are cut.
        written: further control tokens. A template may look for them, as for ``</think>``, so they
            stay whole between marks.
    """

    def __init__(self, special: Iterable[str], written: Iterable[str] = ()) -> None:
        self._special = frozenset(special)
        tokens = self._special | frozenset(written)
        self._tokens = any_of(tokens)
        self._longest = max(map(len, tokens), default=0)
        self._beginnings = frozenset(each[:end] for each in tokens for end in range(1, len(each)))
        self._ends = frozenset(each[start:] for each in tokens for start in range(1, len(each)))
        self._all = "\0".join(sorted(tokens))

    def marked(self, text: str) -> str:
        """The text with marks, if it needs any."""
        text = self._tokens.sub(self._mark, ANY.sub("\N{REPLACEMENT CHARACTER}", text))
        # The template, or the text after this one, may go on with the rest of a token.
        inner = text.strip()
        sizes = range(1, min(self._longest, len(inner) + 1))
        inside = 0 < len(inner) < self._longest and inner in self._all
        if inside or any(inner[-size:] in self._beginnings for size in sizes):
            end = len(text.rstrip())
            text = text[:end] + CUT + text[end:]
        if inside or any(inner[:size] in self._ends for size in sizes):
            start = len(text) - len(text.lstrip())
            text = text[:start] + CUT + text[start:]
        return text

    def _mark(self, found: re.Match[str]) -> str:
        token = found[0]
        if token in self._special and len(token) > 1:
            return f"{token[0]}{CUT}{token[1:]}"
        return f"{OPEN}{token}{CLOSE}"


class Marked:
    """A filled-in template, with marks or without.

    Args:
        text: as it is.

    Attributes:
        text: without marks.
        marks: whether it had some.
    """

    def __init__(self, text: str) -> None:
        pieces = _PIECES.split(text)
        self.text = "".join(pieces[::2])
        self._places = [*itertools.accumulate(map(len, pieces[:-1:2]))]
        self._kinds = pieces[1::2]
        self.marks = len(pieces) > 1

    def own(self, tokens: re.Pattern[str]) -> tuple[list[tuple[int, int]], bool]:
        """Where the tokens are that the template wrote, and whether there are others.

        Args:
            tokens: what :func:`any_of` gives.

        Returns:
            The beginning and end of each, in the text without marks.
        """
        users = [*self._users(tokens)]
        starts = [start for start, _ in users]
        own, others, place = [], False, 0
        while (found := tokens.search(self.text, place)) is not None:
            start, end = found.span()
            cut = bisect_right(self._places, start)
            before = bisect_right(starts, start) - 1
            if (cut < len(self._places) and self._places[cut] < end) or (
                before >= 0 and users[before][1] > start
            ):
                others = True
                place = start + 1
            else:
                own.append((start, end))
                place = end
        return own, others

    def _users(self, tokens: re.Pattern[str]) -> Iterator[tuple[int, int]]:
        """Whole tokens between marks. A lone mark is left where the template cut a text."""
        marks = [*zip(self._places, self._kinds, strict=True)]
        for (start, first), (end, second) in itertools.pairwise(marks):
            if (first, second) == (OPEN, CLOSE) and tokens.fullmatch(self.text, start, end):
                yield start, end


def any_of(tokens: Iterable[str]) -> re.Pattern[str]:
    """A pattern of any of these, of which the longest counts; as the tokenizer has it."""
    ordered = sorted(tokens, key=lambda token: (-len(token), token))
    return re.compile("|".join(map(re.escape, ordered)) or "(?!)")
