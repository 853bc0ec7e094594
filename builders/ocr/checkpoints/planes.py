"""An image as planes, FP32 [batch, 3, height, width]: what PP-OCR's models take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

Axis = Literal["batch", "height", "width"]

CHANNELS = 3
AXES: Mapping[Axis, int] = {"batch": 0, "height": 2, "width": 3}
"""Of an image as planes, [batch, channels, height, width]."""


def noise(batch: int, height: int, width: int) -> npt.NDArray[np.float32]:
    """Planes like normalised pixels, FP32 [batch, 3, height, width], of -1 to 1."""
    made = np.random.default_rng(7).uniform(-1, 1, (batch, CHANNELS, height, width))
    return made.astype(np.float32)
