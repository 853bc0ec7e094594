"""A stage for tests whose requests come in sequences: counts and sums what it was sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from builders.kit.invalid_argument import InvalidArgument


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, Any]], Mapping[str, np.ndarray]]:
    def count(inputs: Mapping[str, Any]) -> Mapping[str, np.ndarray]:
        state = inputs["state"]
        if (inputs["x"] < 0).any():
            raise InvalidArgument("x must not be negative")
        state["total"] = state.get("total", 0.0) + float(inputs["x"].sum())
        state["requests"] = state.get("requests", 0) + 1
        told = f"{inputs['correlation']} {inputs['start']} {inputs['end']}"
        return {
            "total": np.array([state["total"]], np.float32),
            "requests": np.array([state["requests"]], np.int32),
            "told": np.array([told.encode()], np.object_),
        }

    return count
