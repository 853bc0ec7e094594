"""A stage for tests that joins the features of tiles to those of one picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]:
    """``tiles`` FP32 [tiles, tokens, 3] -> ``joined`` FP32 [all tokens, 3]."""

    def join(inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return {"joined": inputs["tiles"].reshape(-1, 3)}

    return join
