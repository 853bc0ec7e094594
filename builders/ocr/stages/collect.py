"""The recogniser's answers to lines of text.

``index_0`` .. INT32, ``probability_0`` .. and ``space_0`` .. FP32 [m, steps], ``lines`` FP32
[r, 4, 2], ``slots`` INT32 [r, 2], ``ways`` INT32 [r, 3], ``minimum_score`` FP32 [1] (optional) ->
``text`` BYTES [-1], ``boxes`` FP32 [-1, 4, 2], ``scores`` FP32 [-1]: the lines that have text, in
their order; of readings that exclude each other (:mod:`ways`), those that are surer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from builders.kit.invalid_argument import InvalidArgument

from . import ctc, ways

CHARACTERS = "characters.json"
"""The dictionary beside the stage: every class's character, in order."""

MINIMUM_SCORE = 0.5
"""Lines of a lower score are dropped: PP-OCR's ``text_score``."""


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; it reads the dictionary, and has no parameters."""
    characters = json.loads((folder / CHARACTERS).read_text("utf-8"))

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        threshold = _checked(inputs.get("minimum_score"))
        _fit(inputs, len(characters))
        read = []
        for bucket, row in inputs["slots"]:
            index, probability, space = (
                inputs[f"{name}_{bucket}"][row] for name in ("index", "probability", "space")
            )
            read.append(ctc.decode(index, probability, space, characters))
        weights = np.array([score * len(text.strip()) for text, score in read], np.float32)
        texts, scores, kept = [], [], []
        for line in ways.best(inputs["ways"], weights).tolist():
            text, score = read[line]
            if text.strip() and score >= threshold:
                texts.append(text.encode())
                scores.append(score)
                kept.append(line)
        return {
            "text": np.array(texts, np.object_),
            "boxes": inputs["lines"][kept].reshape(-1, 4, 2),
            "scores": np.array(scores, np.float32),
        }

    return run


def _fit(inputs: Mapping[str, np.ndarray], classes: int) -> None:
    """Refuses tensors that do not fit together, as those of one page do."""
    lines, slots = inputs["lines"], inputs["slots"]
    if not len(lines) == len(slots) == len(inputs["ways"]):
        raise InvalidArgument(
            f"expected a slot and a way for each line, found {len(slots)} slots and "
            f"{len(inputs['ways'])} ways for {len(lines)} lines"
        )
    if not np.isfinite(lines).all():
        raise InvalidArgument("expected lines of finite numbers, found NaN or infinity")
    rows = {}
    for number in range(sum(name.startswith("index_") for name in inputs)):
        index = inputs[f"index_{number}"]
        others = [inputs[f"{name}_{number}"] for name in ("probability", "space")]
        if any(other.shape != index.shape for other in others):
            raise InvalidArgument(
                f"expected index_{number}, probability_{number} and space_{number} of one shape, "
                f"found {[list(each.shape) for each in (index, *others)]}"
            )
        if index.size and not 0 <= index.min() <= index.max() < classes:
            raise InvalidArgument(
                f"index_{number} must be from 0 to {classes - 1}, the recogniser's last class, "
                f"found {index.min()} to {index.max()}"
            )
        rows[number] = len(index)
    for bucket, row in slots.tolist():
        if not 0 <= row < rows.get(bucket, 0):
            raise InvalidArgument(
                f"expected slots that name a bucket and a row in it, found {[bucket, row]}, "
                f"where the buckets have {list(rows.values())} rows"
            )


def _checked(minimum_score: np.ndarray | None) -> float:
    if minimum_score is None:
        return MINIMUM_SCORE
    values = np.asarray(minimum_score, np.float64).reshape(-1)
    if values.size != 1 or not 0 <= values[0] <= 1:
        raise InvalidArgument(
            f"minimum_score must be one number from 0 to 1, found {values[:4].tolist()}"
        )
    return float(values[0])
