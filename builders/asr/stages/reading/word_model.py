"""What the beam search knows about words: a closed list, an n-gram model, or both.

flashlight-text's own lexicon decoder ends words at a token of silence, which vocabularies of word
pieces do not have, so a word's last token could not last for two steps. So its decoder without a
lexicon is used. It asks these rules about every token, and a word ends where a piece begins the
next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path

from flashlight.lib.text.decoder import LM, LMState
from flashlight.lib.text.decoder.kenlm import KenLM
from flashlight.lib.text.dictionary import Dictionary

from .word_list import WordList
from .words import MARKS, Vocabulary

FORBIDDEN = -1e9
"""The score of what a list does not have. Infinity would make sums of scores no number."""

UNKNOWN = "<unk>"
"""KenLM's name for words that a model does not know."""


class NGram:
    """A KenLM model of words.

    Args:
        path: the model, ARPA or KenLM's binary format.
        words: a file of the words that it knows, one a line.
        weight: of a word's natural log probability, beside the acoustic model's.
        word_score: added for each word, since every word makes a text less likely.
    """

    def __init__(self, path: Path, words: Path, weight: float, word_score: float) -> None:
        known = words.read_text("utf-8").splitlines()
        self._numbers = {word: number for number, word in enumerate([UNKNOWN, *known])}
        # KenLM keeps only what it needs of the dictionary.
        dictionary = Dictionary()
        for word, number in self._numbers.items():
            dictionary.add_entry(word, number)
        self._model = KenLM(str(path), dictionary)
        self._scale, self._word_score = weight * log(10), word_score

    def start(self) -> LMState:
        """The state before the first word."""
        return self._model.start(False)

    def word(self, state: LMState, text: str) -> tuple[LMState, float]:
        """The state after a word, and the word's score."""
        after, score = self._model.score(state, self._numbers.get(text, 0))
        return after, self._scale * score + self._word_score

    def end(self, state: LMState) -> float:
        """The score of a text's end."""
        return float(self._scale * self._model.finish(state)[1])


@dataclass(slots=True)
class _Node:
    """A text so far: the pieces of its open word, the n-gram model's state, what may follow.

    Most texts are dropped before anything follows.
    """

    word: str
    ngram: LMState | None
    next: dict[int, tuple[LMState, float]] | None = None


class WordModel(LM):  # type: ignore[misc]
    """The rules of one search; a second one needs new rules.

    Args:
        vocabulary: turns pieces into words.
        pieces: of each token that the search may read; "" for one that is no text.
        words: the closed list, if any.
        ngram: the n-gram model, if any.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        pieces: Sequence[str],
        words: WordList | None,
        ngram: NGram | None,
    ) -> None:
        LM.__init__(self)
        self._vocabulary, self._pieces = vocabulary, pieces
        self._words, self._ngram = words, ngram
        # States are told apart by identity, and stay here while the search lasts.
        self._nodes: dict[LMState, _Node] = {}

    def start(self, start_with_nothing: bool) -> LMState:
        """The state of no text."""
        state = LMState()
        self._nodes[state] = _Node("", self._ngram.start() if self._ngram else None)
        return state

    def score(self, state: LMState, token: int) -> tuple[LMState, float]:
        """The text with one more token, and what that adds to its score."""
        node = self._nodes[state]
        if node.next is None:
            node.next = {}
        found = node.next.get(token)
        if found is None:
            found = node.next[token] = self._extended(state, node, token)
        return found

    def finish(self, state: LMState) -> tuple[LMState, float]:
        """The end of a text."""
        ngram, score = self._closed(self._nodes[state])
        if ngram is not None and self._ngram is not None:
            score += self._ngram.end(ngram)
        return state, score

    def _extended(self, state: LMState, node: _Node, token: int) -> tuple[LMState, float]:
        piece = self._pieces[token]
        ngram, score, word = node.ngram, 0.0, node.word + piece
        if word != piece and piece.startswith(MARKS):
            ngram, score = self._closed(node)
            word = piece
        if self._words is not None and not self._words.begins(word):
            score = FORBIDDEN
        if score <= FORBIDDEN:
            return state, FORBIDDEN
        after = state.child(token)
        self._nodes[after] = _Node(word, ngram)
        return after, score

    def _closed(self, node: _Node) -> tuple[LMState | None, float]:
        """The n-gram model's state after the open word, and the word's score."""
        if not node.word:
            return node.ngram, 0.0
        if self._words is not None and node.word not in self._words.complete:
            return node.ngram, FORBIDDEN
        if self._ngram is None or node.ngram is None:
            return None, 0.0
        text = self._vocabulary.text(node.word)
        return self._ngram.word(node.ngram, text) if text else (node.ngram, 0.0)
