"""The largest request that a server is sized for: as many long texts as one may have."""

from __future__ import annotations

import numpy as np

from repository.arrays import Arrays

TEXTS = 64
"""Of a request, by default."""

WORDS = 400
"""Of a text: more tokens than the model of the default checkpoint takes."""


def texts() -> Arrays:
    """Texts that are all cut at the most tokens."""
    text = " ".join(f"word{number % 97}" for number in range(WORDS))
    return {"text": np.array([text.encode()] * TEXTS, np.object_)}
