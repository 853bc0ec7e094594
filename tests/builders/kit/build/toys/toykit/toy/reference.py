"""What the toy's exports should compute."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

Arrays = Mapping[str, np.ndarray]


def scale(checkpoint: Path, inputs: Arrays) -> Arrays:
    return {"scaled": inputs["x"] * np.float32(json.loads(Path(checkpoint).read_text())["factor"])}


def move(checkpoint: Path, inputs: Arrays) -> Arrays:
    return {"moved": inputs["scaled"]}


def scale_inputs() -> list[Arrays]:
    return [{"x": np.arange(size, dtype=np.float32)} for size in (4, 1, 9)]


def move_inputs() -> list[Arrays]:
    return [{"scaled": np.arange(size, dtype=np.float32)} for size in (4, 1, 9)]
