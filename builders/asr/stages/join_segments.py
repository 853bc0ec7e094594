"""The acoustic model's answers to segments of text with times.

``log_probs_0`` .. FP32 [rows, steps, tokens], ``steps_0`` .. INT32 [rows], ``spans`` FP32
[segments, 2] in seconds, ``slots`` INT32 [segments, 2], and how to read: ``beam`` INT32 [1] and
``word_list`` BYTES [-1], both optional -> ``text`` BYTES [1] (none for silence),
``segments`` FP32 [n, 2] in seconds, ``segment_text`` BYTES [n], ``scores`` FP32 [n], ``words``
BYTES [m], ``word_times`` FP32 [m, 2] in seconds, ``word_scores`` FP32 [m]. Segments without a word
are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from .reader import Reader
from .words import Timing, Word


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; its parameters are those of :class:`reader.Reader`."""
    reader = Reader(folder, parameters)

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        search = reader.search(inputs)
        found = []
        for (start, end), (bucket, row) in zip(inputs["spans"], inputs["slots"], strict=True):
            steps = int(inputs[f"steps_{bucket}"][row])
            words = reader.words(inputs[f"log_probs_{bucket}"][row, :steps], search)
            if words:
                found.append((float(start), float(end), words))
        return tensors(found, reader.timing)

    return run


def tensors(
    found: Sequence[tuple[float, float, Sequence[Word]]], timing: Timing
) -> dict[str, np.ndarray]:
    """Segments, each with its start and end in seconds and its words, as the stage's outputs."""
    words = [word for _, _, each in found for word in each]
    times = [span for start, end, each in found for span in timing.spans(each, start, end)]
    texts = [" ".join(word.text for word in each) for _, _, each in found]
    return {
        "text": _text([" ".join(texts)] if texts else []),
        "segments": np.array([each[:2] for each in found], np.float32).reshape(-1, 2),
        "segment_text": _text(texts),
        "scores": np.array(
            [sum(word.score for word in each) / len(each) for _, _, each in found], np.float32
        ),
        "words": _text([word.text for word in words]),
        "word_times": np.array(times, np.float32).reshape(-1, 2),
        "word_scores": np.array([word.score for word in words], np.float32),
    }


def _text(values: Sequence[str]) -> np.ndarray:
    return np.array([value.encode() for value in values], np.object_)
