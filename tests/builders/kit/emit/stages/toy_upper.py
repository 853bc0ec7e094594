"""A stage for tests: words in capitals, as text, and their lengths where that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from builders.kit.invalid_argument import InvalidArgument


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]:
    assert "separator" not in parameters, "another stage's parameter"

    def upper(inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        words = [word.decode() for word in inputs["words"]]
        if "refuse" in words:
            raise InvalidArgument("this word is refused")
        if "crash" in words:
            raise RuntimeError(f"a secret in {folder}")
        capitals = [word.upper() for word in words]
        sizes = np.array([len(each) for each in capitals], np.float32)
        return {"capitals": np.array(capitals, np.object_), "sizes": sizes}

    return upper
