"""The acoustic model's answers to segments of text with times.

``log_probs_0`` .. FP32 [rows, steps, tokens], ``steps_0`` .. INT32 [rows], ``spans`` FP32
[segments, 2] in seconds, ``slots`` INT32 [segments, 2] -> ``text`` BYTES [1] (none for silence),
``segments`` FP32 [n, 2] in seconds, ``segment_text`` BYTES [n], ``scores`` FP32 [n], ``words``
BYTES [m], ``word_times`` FP32 [m, 2] in seconds, ``word_scores`` FP32 [m]. Segments without a word
are left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from . import ctc
from .words import Vocabulary, Word

TOKENIZER = "tokenizer.json"
"""The checkpoint's tokenizer, beside the stage."""

DECODING = "decoding.json"
"""Beside the stage: ``blank``, ``silent`` and ``seconds_per_step``."""


class Reader:
    """Reads what the acoustic model says.

    Args:
        folder: holds :data:`TOKENIZER` and :data:`DECODING`.
    """

    def __init__(self, folder: Path) -> None:
        settings = json.loads((folder / DECODING).read_text("utf-8"))
        self.blank = int(settings["blank"])
        self.seconds_per_step = float(settings["seconds_per_step"])
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self.vocabulary = Vocabulary(tokenizer, settings["silent"])

    def words(self, log_probs: np.ndarray) -> list[Word]:
        """The words of one row, FP32 [steps, tokens], greedily."""
        return self.vocabulary.words(ctc.greedy(log_probs, self.blank))


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; it has no parameters."""
    reader = Reader(folder)

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        found = []
        for (start, end), (bucket, row) in zip(inputs["spans"], inputs["slots"], strict=True):
            steps = int(inputs[f"steps_{bucket}"][row])
            words = reader.words(inputs[f"log_probs_{bucket}"][row, :steps])
            if words:
                found.append((float(start), float(end), words))
        return tensors(found, reader.seconds_per_step)

    return run


def tensors(
    found: Sequence[tuple[float, float, Sequence[Word]]], seconds_per_step: float
) -> dict[str, np.ndarray]:
    """Segments, each with its start and end in seconds and its words, as the stage's outputs."""
    words = [word for _, _, each in found for word in each]
    times = [
        (
            min(start + word.start * seconds_per_step, end),
            min(start + word.end * seconds_per_step, end),
        )
        for start, end, each in found
        for word in each
    ]
    texts = [" ".join(word.text for word in each) for _, _, each in found]
    return {
        "text": _text([" ".join(texts)] if texts else []),
        "segments": np.array([each[:2] for each in found], np.float32).reshape(-1, 2),
        "segment_text": _text(texts),
        "scores": np.array(
            [np.mean([word.score for word in each]) for _, _, each in found], np.float32
        ),
        "words": _text([word.text for word in words]),
        "word_times": np.array(times, np.float32).reshape(-1, 2),
        "word_scores": np.array([word.score for word in words], np.float32),
    }


def _text(values: Sequence[str]) -> np.ndarray:
    return np.array([value.encode() for value in values], np.object_)
