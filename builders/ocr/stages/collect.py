"""The recogniser's answers to lines of text.

``index_0`` .. INT32, ``probability_0`` .. and ``space_0`` .. FP32 [m, steps], ``lines`` FP32
[n, 4, 2], ``slots`` INT32 [n, 2], ``minimum_score`` FP32 [1] (optional) -> ``text`` BYTES [-1],
``boxes`` FP32 [-1, 4, 2], ``scores`` FP32 [-1]: the lines that have text, in their order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from . import ctc

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
        texts, scores, kept = [], [], []
        for line, (bucket, row) in enumerate(inputs["slots"]):
            index, probability, space = (
                inputs[f"{name}_{bucket}"][row] for name in ("index", "probability", "space")
            )
            text, score = ctc.decode(index, probability, space, characters)
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


def _checked(minimum_score: np.ndarray | None) -> float:
    if minimum_score is None:
        return MINIMUM_SCORE
    values = np.asarray(minimum_score, np.float64).reshape(-1)
    if values.size != 1 or not 0 <= values[0] <= 1:
        raise ValueError(
            f"minimum_score must be one number from 0 to 1, found {values[:4].tolist()}"
        )
    return float(values[0])
