"""The gate of a build: how many drawings are recognised."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from repository.arrays import Arrays

from .drawings import LABELS, as_png, draw

FIRST = 1_000_000
"""The seeds of these drawings: training uses others."""


def accuracy(run: Callable[[Arrays], Arrays]) -> float:
    """The share of drawings whose most probable label is the right one.

    Args:
        run: the pipeline: ``image`` -> ``label``.
    """
    right = []
    for seed in range(FIRST, FIRST + 30):
        label = LABELS[seed % len(LABELS)]
        answer = run({"image": np.frombuffer(as_png(draw(label, seed)), np.uint8)})
        right.append(bytes(answer["label"][0]).decode() == label)
    return sum(right) / len(right)
