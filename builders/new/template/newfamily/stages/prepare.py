"""Pixels to what the network sees.

``pixels`` UINT8 [height, width, 3] -> ``planes`` FP32 [1, 3, 32, 32], from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 32
"""The network sees squares of so many pixels."""


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; it has no parameters."""
    return lambda inputs: {"planes": planes_of(inputs["pixels"])[None]}


def planes_of(pixels: np.ndarray) -> np.ndarray:
    """An image of any size as the network sees it, FP32 [3, 32, 32]."""
    image = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(image, np.float32).transpose(2, 0, 1) / 255
