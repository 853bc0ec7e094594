"""Pixels to the patches of a grid, and to what depends on the grid alone.

``pixels`` UINT8 [height, width, 3] -> ``patches`` FP32 [tokens, unit, numbers], what
:func:`.grid.arrays` makes of the image's grid, and ``grid_thw`` INT64 [1, 3], the grid itself:
frames, rows and columns of patches.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from . import grid
from .processors import grid_patches as processor
from .processors.pixels import MAXIMUM_PIXELS

PROCESSOR_FILE = "processor.json"
"""The checkpoint's processor, beside the stage."""


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; it reads the processor's settings.

    Parameters: ``maximum_patches`` of an image, and ``maximum_pixels`` at the size that it is
    brought to, a larger one is refused; ``max_pixels``, the most that an image is resized to, if
    the processor's own are more (0: its own); ``window`` and ``table``, of the tower, as
    :func:`.grid.arrays` takes them.
    """
    settings = json.loads((folder / PROCESSOR_FILE).read_text("utf-8"))
    maximum = int(parameters["maximum_patches"])
    maximum_pixels = int(parameters.get("maximum_pixels", MAXIMUM_PIXELS))
    settings["size"] = bounded(settings["size"], int(parameters["max_pixels"]))
    window, table = int(parameters["window"]), int(parameters["table"])
    merge = settings["merge_size"]

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        patches, grids = processor.process(settings, inputs["pixels"], maximum, maximum_pixels)
        return {
            "patches": patches.reshape(-1, merge * merge, patches.shape[1]),
            **grid.arrays(grids, merge, window, table),
            "grid_thw": grids,
        }

    return run


def bounded(size: Mapping[str, int], most: int) -> dict[str, int]:
    """A processor's ``size`` with no more pixels than ``most``; 0 leaves it as it is."""
    return {edge: min(pixels, most) if most else pixels for edge, pixels in size.items()}
