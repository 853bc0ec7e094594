"""The gate of a build: sentences whose like in other words is found among others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from builders.kit.family import Metric
from repository.arrays import Arrays

FOLDER = Path(__file__).parent / "evaluation"
"""Sixty pairs of English sentences that say one thing in different words, ``pairs.json``."""

PAIRS = FOLDER / "pairs.json"

TEXTS = 20
"""Of a request."""


def recall_at_1(run: Callable[[Arrays], Arrays]) -> float:
    """How many of the sentences have their own other half as the nearest of all other halves.

    Either half is looked for by the other one.

    Args:
        run: the pipeline: ``text`` -> ``embeddings``.
    """
    pairs = json.loads(PAIRS.read_text("utf-8"))["pairs"]
    halves = [_embedded(run, [pair[side] for pair in pairs]) for side in (0, 1)]
    likeness = halves[0] @ halves[1].T
    right = np.arange(len(pairs))
    hits = (likeness.argmax(0) == right).sum() + (likeness.argmax(1) == right).sum()
    return float(hits / (2 * len(pairs)))


def _embedded(run: Callable[[Arrays], Arrays], texts: list[str]) -> npt.NDArray[np.float32]:
    """The texts' vectors of length 1, [texts, width]."""
    found = [
        run({"text": np.array([text.encode() for text in texts[at : at + TEXTS]], np.object_)})
        for at in range(0, len(texts), TEXTS)
    ]
    vectors: npt.NDArray[np.float32] = np.concatenate([each["embeddings"] for each in found])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


RECALL = Metric(
    name="recall_at_1",
    pipeline="text_embed",
    bound=0.9,
    better="higher",
    measure=recall_at_1,
    data=(FOLDER,),
)
