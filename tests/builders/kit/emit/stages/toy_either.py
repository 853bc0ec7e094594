"""A stage for tests that takes a file's bytes, or values with a factor; one of the two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from builders.kit.invalid_argument import InvalidArgument


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]:
    def read(inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        if ("file" in inputs) == ("values" in inputs):
            raise InvalidArgument("send either 'file' or 'values'")
        if "file" in inputs:
            return {"x": inputs["file"].astype(np.float32)}
        return {"x": inputs["values"] * inputs["factor"]}

    return read
