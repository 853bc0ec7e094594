"""What the network says to labels.

``logits`` FP32 [1, labels] -> ``label`` BYTES [labels], the most probable one first, and ``score``
FP32 [labels], the probability of each.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; the file ``labels.json``, a list, lies in its folder."""
    labels = json.loads((folder / "labels.json").read_text("utf-8"))

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        scores = softmax(inputs["logits"][0])
        order = np.argsort(-scores)
        names = [labels[each].encode() for each in order]
        return {"label": np.array(names, object), "score": scores[order]}

    return run


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities, FP32."""
    exact = np.exp(logits.astype(np.float64) - logits.max())
    return np.asarray(exact / exact.sum(), np.float32)
