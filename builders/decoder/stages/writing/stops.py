"""Stop texts in an answer that comes in pieces.

An answer ends as soon as it contains one of the texts, wherever the pieces begin. That text is not
given out; if several end at the same character, the longest of them is not.
"""

from __future__ import annotations

from collections.abc import Sequence


class Stops:
    """Looks for stop texts, and holds back what may become one.

    It takes the same time for each character, whatever the texts are (Knuth, Morris and Pratt:
    for each text, how many of its characters the answer's end matches).

    Args:
        texts: none is empty; there may be none.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = tuple(dict.fromkeys(texts))
        self._shorter = tuple(_shorter(text) for text in self._texts)
        self._matched = [0] * len(self._texts)
        self._held = ""
        self.stopped = False
        """Whether one was found. From then on nothing more is given out."""

    def take(self, piece: str) -> str:
        """What may go out, after a further piece of the answer."""
        if self.stopped:
            return ""
        if not self._texts:
            return piece
        for place, character in enumerate(piece, 1):
            longest = 0
            for number, text in enumerate(self._texts):
                matched = self._next(number, character)
                self._matched[number] = matched
                if matched == len(text):
                    longest = max(longest, matched)
            if longest:
                self.stopped = True
                text = self._held + piece[:place]
                self._held = ""
                return text[: len(text) - longest]
        text, kept = self._held + piece, max(self._matched)
        self._held = text[len(text) - kept :]
        return text[: len(text) - kept]

    def end(self) -> str:
        """What was held back, now that the answer has ended otherwise."""
        held, self._held = self._held, ""
        return held

    def _next(self, number: int, character: str) -> int:
        text, shorter, matched = self._texts[number], self._shorter[number], self._matched[number]
        while text[matched] != character:
            if not matched:
                return 0
            matched = shorter[matched - 1]
        return matched + 1


def _shorter(text: str) -> list[int]:
    """For each beginning of the text, the length of the longest shorter one that it ends with."""
    found = [0] * len(text)
    matched = 0
    for place in range(1, len(text)):
        while matched and text[place] != text[matched]:
            matched = found[matched - 1]
        if text[place] == text[matched]:
            matched += 1
        found[place] = matched
    return found
