"""A stage for tests: splits text into words, and refuses what it does not like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from builders.kit.invalid_argument import InvalidArgument


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]:
    separator = parameters.get("separator", " ")

    def split(inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        sentence = inputs["sentence"][0].decode()
        if sentence == "crash":
            raise RuntimeError(f"a secret in {folder}")
        limit = int(inputs["limit"][0]) if "limit" in inputs else 99
        if limit < 0:
            raise InvalidArgument("limit must not be negative")
        words = sentence.split(separator)[:limit]
        return {
            "words": np.array([word.encode() for word in words], np.object_),
            "lengths": np.array([len(word) for word in words], np.float32),
        }

    return split
