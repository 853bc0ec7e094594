"""Tokens to words with times: pieces that begin with a mark of white space begin a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from .ctc import Token

MARKS = ("\u2581", "\u0120")
"""SentencePiece's and byte-level BPE's marks of the space before a piece."""


@dataclass(frozen=True)
class Word:
    """A word that was read; times in steps of the acoustic model."""

    text: str
    start: int
    end: int
    score: float


@dataclass(frozen=True)
class Timing:
    """What steps are in seconds.

    Attributes:
        step: the length of one.
        lead: from a word's beginning to the step at which the model writes it.
    """

    step: float
    lead: float

    def spans(self, words: Sequence[Word], start: float, end: float) -> list[tuple[float, float]]:
        """Where the words of a segment are.

        A word's beginning lies before the step that wrote it, though not before the end of the word
        before.

        Args:
            words: in their order.
            start: the segment's, in seconds.
            end: likewise.

        Returns:
            Each word's first and last second, inside the segment.
        """
        spans = []
        over = start
        for word in words:
            stop = min(start + word.end * self.step, end)
            begin = max(start + word.start * self.step - self.lead, over)
            spans.append((min(begin, stop), stop))
            over = stop
        return spans


class Vocabulary:
    """A checkpoint's tokenizer, for reading.

    Args:
        tokenizer: of the tokenizers package.
        silent: numbers of tokens without text: the blank, and other special ones.

    Attributes:
        pieces: the text of each token, by number; "" for one that is no text.
        numbers: the tokens by their pieces.
    """

    def __init__(self, tokenizer: Tokenizer, silent: Sequence[int]) -> None:
        self.tokenizer = tokenizer
        self._silent = frozenset(silent)
        # The blank's number may lie beyond the tokenizer's.
        size = max(tokenizer.get_vocab_size(with_added_tokens=True), max(silent, default=-1) + 1)
        self.pieces = [
            "" if number in self._silent else tokenizer.id_to_token(number) or ""
            for number in range(size)
        ]
        self.numbers = {piece: number for number, piece in enumerate(self.pieces) if piece}

    def spelt(self, word: str) -> str:
        """A word as pieces joined would spell it, with the mark of the space before it."""
        if self.tokenizer.normalizer is not None:
            word = self.tokenizer.normalizer.normalize_str(word)
        if self.tokenizer.pre_tokenizer is not None:
            word = "".join(part for part, _ in self.tokenizer.pre_tokenizer.pre_tokenize_str(word))
        return word

    def text(self, spelt: str) -> str:
        """The word that pieces joined spell."""
        return str(self.tokenizer.decoder.decode([spelt])).strip()

    def words(self, tokens: Sequence[Token]) -> list[Word]:
        """The words that tokens spell; a word's score is the mean of its tokens'."""
        groups: list[list[Token]] = []
        for token in tokens:
            if token.index in self._silent:
                continue
            piece = self.tokenizer.id_to_token(token.index) or ""
            if not groups or piece.startswith(MARKS):
                groups.append([])
            groups[-1].append(token)
        found = []
        for group in groups:
            text = self.tokenizer.decode([token.index for token in group]).strip()
            if text:
                score = sum(token.score for token in group) / len(group)
                found.append(Word(text, group[0].start, group[-1].end, score))
        return found
