"""A stage for tests: bytes to planes of three channels, normalised unless told not to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]:
    bare = parameters.get("bare") == "true"

    def planes(inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        pixels = inputs["image"].reshape(-1, 3).T
        if bare:
            return {"planes": pixels}
        # As transformers' image processors do it: 64 bits, then 32.
        values = (pixels.astype(np.float64) * (1 / 255)).astype(np.float32)
        mean, deviation = np.float32(0.485), np.float32(0.229)
        return {"planes": (values - mean) / deviation}

    return planes
