"""The largest request that a server is sized for: as many long texts as one may have."""

from __future__ import annotations

import numpy as np

from repository.arrays import Arrays

WORDS = 400
"""Of a text: more tokens than the model of the default checkpoint takes."""


def texts(count: int) -> Arrays:
    """So many texts, all cut at the most tokens."""
    text = " ".join(f"word{number % 97}" for number in range(WORDS))
    return {"text": np.array([text.encode()] * count, np.object_)}
