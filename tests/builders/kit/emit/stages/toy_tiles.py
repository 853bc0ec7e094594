"""A stage for tests that makes one picture, or a picture's tiles, of a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]:
    """``value`` FP32 [1], and ``count`` INT32 [1] of tiles -> ``pixels`` FP32 [3, 2, 4], or
    [count, 3, 2, 4]."""

    def tiles(inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        picture = np.arange(24, dtype=np.float32).reshape(3, 2, 4) * inputs["value"]
        if "count" in inputs:
            picture = np.stack([picture + index for index in range(int(inputs["count"][0]))])
        return {"pixels": picture}

    return tiles
