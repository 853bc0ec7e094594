"""Greedy decoding of Connectionist Temporal Classification (Graves et al., ICML 2006)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BLANK = 0
"""The class that means no character: PP-OCR puts it first."""


def decode(
    index: np.ndarray, probability: np.ndarray, characters: Sequence[str]
) -> tuple[str, float]:
    """The best class of every step to text: repeats and blanks go.

    Args:
        index: INT [steps], the most probable class.
        probability: FP32 [steps], its probability.
        characters: by class number.

    Returns:
        The text, and the mean probability of the steps that gave its characters; 0 for no text.
    """
    kept = index != BLANK
    kept[1:] &= index[1:] != index[:-1]
    if not kept.any():
        return "", 0.0
    text = "".join([characters[k] for k in index[kept]])
    return text, float(probability[kept].mean())
