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

from builders.kit.invalid_argument import InvalidArgument

from .reading.reader import Reader
from .reading.words import Timing, Word

ROUNDING = 1e-3
"""How far above 0 a logarithm of a probability may lie."""


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; its parameters are those of :class:`reader.Reader`."""
    reader = Reader(folder, parameters)

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        search = reader.search(inputs)
        _fit(inputs, range(reader.blank + 1, len(reader.vocabulary.pieces) + 1))
        found = []
        for (start, end), (bucket, row) in zip(inputs["spans"], inputs["slots"], strict=True):
            steps = int(inputs[f"steps_{bucket}"][row])
            words = reader.words(inputs[f"log_probs_{bucket}"][row, :steps], search)
            if words:
                found.append((float(start), float(end), words))
        return tensors(found, reader.timing)

    return run


def _fit(inputs: Mapping[str, np.ndarray], vocabulary: range) -> None:
    """Refuses tensors that cannot be of one sound, since they do not fit together.

    Args:
        inputs: the stage's.
        vocabulary: how many tokens the model may tell apart.
    """
    spans, slots = inputs["spans"], inputs["slots"].tolist()
    if len(spans) != len(slots):
        raise InvalidArgument(
            f"expected a slot for each span of seconds, found {len(slots)} for {len(spans)} spans"
        )
    if not np.isfinite(spans).all():
        raise InvalidArgument("expected spans of finite seconds, found NaN or infinity")
    rows = {}
    for number in range(sum(name.startswith("steps_") for name in inputs)):
        log_probs, steps = inputs[f"log_probs_{number}"], inputs[f"steps_{number}"]
        if log_probs.shape[0] != len(steps) or log_probs.shape[2] not in vocabulary:
            raise InvalidArgument(
                f"expected log_probs_{number} of shape [rows, steps, {vocabulary[-1]}] with "
                f"steps_{number} of its rows, found {list(log_probs.shape)} and {list(steps.shape)}"
            )
        if len(steps) and not 0 <= steps.min() <= steps.max() <= log_probs.shape[1]:
            raise InvalidArgument(
                f"steps_{number} must be from 0 to the {log_probs.shape[1]} of log_probs_{number}, "
                f"found {steps.min()} to {steps.max()}"
            )
        # The beam search sorts them, and NaN would break that.
        if not (np.isfinite(log_probs).all() and log_probs.max(initial=0.0) <= ROUNDING):
            raise InvalidArgument(
                f"log_probs_{number} must be logarithms of probabilities: finite, and at most 0"
            )
        rows[number] = len(steps)
    if any(not 0 <= row < rows.get(bucket, 0) for bucket, row in slots) or len(
        set(map(tuple, slots))
    ) < len(slots):
        raise InvalidArgument(
            "expected slots that each name a bucket and a row in it of their own, found others, "
            f"where the buckets have {list(rows.values())} rows"
        )


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
