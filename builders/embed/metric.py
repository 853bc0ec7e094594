"""The gate of a build: sentences whose like in other words is found among others."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from builders.kit.family import Metric
from repository.arrays import Arrays

FOLDER = Path(__file__).parent / "evaluation"
"""Sixty pairs of English sentences that say one thing in different words, ``pairs.json``."""

PAIRS = FOLDER / "pairs.json"


def recall_at_1(run: Callable[[Arrays], Arrays], *, at_once: int) -> float:
    """How many of the sentences have their own other half as the nearest of all other halves.

    Either half is looked for by the other one.

    Args:
        run: the pipeline: ``text`` -> ``embeddings``.
        at_once: how many texts a request may have.
    """
    pairs = json.loads(PAIRS.read_text("utf-8"))["pairs"]
    halves = [_embedded(run, [pair[side] for pair in pairs], at_once) for side in (0, 1)]
    likeness = halves[0] @ halves[1].T
    right = np.arange(len(pairs))
    hits = (likeness.argmax(0) == right).sum() + (likeness.argmax(1) == right).sum()
    return float(hits / (2 * len(pairs)))


def _embedded(
    run: Callable[[Arrays], Arrays], texts: list[str], at_once: int
) -> npt.NDArray[np.float32]:
    """The texts' vectors of length 1, [texts, width]."""
    found = [
        run({"text": np.array([text.encode() for text in texts[at : at + at_once]], np.object_)})
        for at in range(0, len(texts), at_once)
    ]
    vectors: npt.NDArray[np.float32] = np.concatenate([each["embeddings"] for each in found])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def recall(maximum_texts: int) -> Metric:
    """The gate, for a pipeline that takes so many texts in a request."""
    return Metric(
        name="recall_at_1",
        pipeline="text_embed",
        bound=0.9,
        better="higher",
        measure=partial(recall_at_1, at_once=maximum_texts),
        data=(FOLDER,),
    )
