"""A stage for tests that asks the model of its parameter, and says what that said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np


def prepare(
    folder: Path, parameters: Mapping[str, str], call: Callable[..., list[dict[str, Any]]]
) -> Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]:
    def run(inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        (answer,) = call(parameters["callee"], [dict(inputs)])
        return answer

    return run
