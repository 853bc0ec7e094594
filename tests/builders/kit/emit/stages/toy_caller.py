"""A stage for tests that calls others: the sum of what the models of its parameter answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np


def prepare(
    folder: Path, parameters: Mapping[str, str], call: Callable[..., list[dict[str, Any]]]
) -> Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]:
    name = parameters["callee"]

    def total(inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        answers = call(name, [{"x": row} for row in inputs["x"]])
        return {"y": np.array([answer["y"].sum() for answer in answers], np.float32)}

    return total
