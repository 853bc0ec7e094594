"""A stage for tests that doubles, slowly, and refuses what is negative."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from builders.kit.invalid_argument import InvalidArgument


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]:
    seconds = float(parameters["seconds"])

    def double(inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        if (inputs["x"] < 0).any():
            raise InvalidArgument("x must not be negative")
        time.sleep(seconds)
        return {"y": inputs["x"] * 2}

    return double
