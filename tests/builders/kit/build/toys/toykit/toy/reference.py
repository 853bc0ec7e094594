"""What the toy's exports should compute."""

import json
from pathlib import Path

import numpy as np


def scale(checkpoint, inputs):
    return {"scaled": inputs["x"] * np.float32(json.loads(Path(checkpoint).read_text())["factor"])}


def move(checkpoint, inputs):
    return {"moved": inputs["scaled"]}


def scale_inputs():
    return [{"x": np.arange(size, dtype=np.float32)} for size in (4, 1, 9)]


def move_inputs():
    return [{"scaled": np.arange(size, dtype=np.float32)} for size in (4, 1, 9)]
