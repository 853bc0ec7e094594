"""Pixels to what the tower takes, as the checkpoint's own image processor makes it.

``pixels`` UINT8 [height, width, 3] -> ``pixel_values`` FP32 [3, height, width].
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from .processors import fixed
from .processors.pixels import MAXIMUM_PIXELS

PROCESSOR = "processor.json"
"""The checkpoint's processor, beside the stage."""


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; it reads the processor's settings.

    The parameter ``maximum_pixels`` bounds an image at every size that it is brought to.
    """
    settings = json.loads((folder / PROCESSOR).read_text("utf-8"))
    maximum = int(parameters.get("maximum_pixels", MAXIMUM_PIXELS))

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"pixel_values": fixed.process(settings, inputs["pixels"], maximum)}

    return run
