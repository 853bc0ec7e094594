"""Reads what the acoustic model says: greedily, or with a beam, a word list and an n-gram model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from builders.kit.invalid_argument import InvalidArgument

from . import beam, ctc
from .word_list import WordList
from .word_model import NGram, WordModel
from .words import Timing, Vocabulary, Word

TOKENIZER = "tokenizer.json"
"""The checkpoint's tokenizer, beside the stage."""

DECODING = "decoding.json"
"""Beside the stage: ``blank``, ``silent``, ``seconds_per_step`` and ``word_lead``."""

NGRAM, NGRAM_WORDS = "ngram.kenlm", "ngram_words.txt"
"""Beside the stage where the build was given a language model: the model, and its words."""

LISTS_KEPT = 4
"""Word lists that are kept compiled, the latest: clients send the same one again and again."""


@dataclass(frozen=True)
class Search:
    """How a request is read.

    Attributes:
        width: of the beam; 1 for greedy decoding.
        listed: the words that may be said, as given; None for all.
        words: the same, compiled.
    """

    width: int
    listed: tuple[bytes, ...] | None = None
    words: WordList | None = field(default=None, compare=False)


class Reader:
    """Reads log probabilities.

    Args:
        folder: holds :data:`TOKENIZER` and :data:`DECODING`, and may hold :data:`NGRAM`.
        parameters: ``beam``, the width for requests that name none; ``language_model_weight`` and
            ``word_score``, see :class:`word_model.NGram`.
    """

    def __init__(self, folder: Path, parameters: Mapping[str, str]) -> None:
        settings = json.loads((folder / DECODING).read_text("utf-8"))
        self.blank = int(settings["blank"])
        self.timing = Timing(float(settings["seconds_per_step"]), float(settings["word_lead"]))
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self.vocabulary = Vocabulary(tokenizer, settings["silent"])
        self._width = _width([int(parameters["beam"])])
        self._ngram = None
        if (folder / NGRAM).exists():
            self._ngram = NGram(
                folder / NGRAM,
                folder / NGRAM_WORDS,
                weight=float(parameters["language_model_weight"]),
                word_score=float(parameters["word_score"]),
            )
        self._word_list = lru_cache(LISTS_KEPT)(self._compiled)

    def search(self, inputs: Mapping[str, Any]) -> Search:
        """What a request's ``beam`` and ``word_list`` ask for; either may be missing.

        Raises:
            InvalidArgument: a width out of bounds, or words that cannot be said.
        """
        given, listed = inputs.get("beam"), inputs.get("word_list")
        width = self._width if given is None else _width(given)
        if listed is None:
            return Search(width)
        words = tuple(np.reshape(listed, -1))
        width = max(width, beam.WIDTH) if given is None else width
        return Search(width, words, self._word_list(words))

    def words(self, log_probs: np.ndarray, search: Search) -> list[Word]:
        """The words of one row, FP32 [steps, tokens]."""
        words = search.words
        if search.width == 1 and words is None:
            return self.vocabulary.words(ctc.greedy(log_probs, self.blank))
        tokens = np.arange(log_probs.shape[1]) if words is None else words.tokens
        rules = None
        if words is not None or self._ngram is not None:
            pieces = [self.vocabulary.pieces[token] for token in tokens]
            rules = WordModel(self.vocabulary, pieces, words, self._ngram)
        path = beam.best_path(log_probs, self.blank, search.width, tokens=tokens, rules=rules)
        found = self.vocabulary.words(ctc.collapse(path, log_probs, self.blank))
        return found if words is None else words.only(found)

    def _compiled(self, listed: tuple[bytes, ...]) -> WordList:
        return WordList(self.vocabulary, self.blank, listed)


def _width(given: Any) -> int:
    found = np.reshape(given, -1)
    if len(found) != 1 or not 1 <= found[0] <= beam.WIDEST:
        shown = found[0] if len(found) == 1 else f"{len(found)} numbers"
        raise InvalidArgument(
            f"beam: expected one number from 1, greedy, to {beam.WIDEST}, found {shown}"
        )
    return int(found[0])
