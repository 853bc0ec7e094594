"""Pixels to patches of any aspect ratio, as SigLIP 2's image processor makes them.

``pixels`` UINT8 [height, width, 3] -> ``patches`` FP32 [patches, width], ``counted`` INT64
[patches], 1 for a patch of the image and 0 for one that only fills up; ``row_weights`` and
``column_weights`` FP32 [patches, side], which position embeddings each patch has
(:mod:`resized_positions`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from . import resized_positions
from .processors import naflex
from .processors.pixels import MAXIMUM_PIXELS

PROCESSOR_FILE = "naflex.json"
"""The checkpoint's processor, beside the stage: what :mod:`builders.vision.checkpoint.naflex`
writes."""


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; it reads the processor's settings.

    The parameter ``maximum_pixels`` bounds an image at the size that it is brought to.
    """
    settings = json.loads((folder / PROCESSOR_FILE).read_text("utf-8"))
    maximum = int(parameters.get("maximum_pixels", MAXIMUM_PIXELS))

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        most, side = settings["max_num_patches"], settings["side"]
        patches, rows, columns = naflex.process(settings, inputs["pixels"], maximum)
        along_rows, along_columns = resized_positions.of_patches(rows, columns, side, most)
        filled = np.zeros((most, patches.shape[1]), np.float32)
        filled[: len(patches)] = patches
        return {
            "patches": filled,
            "counted": (np.arange(most) < len(patches)).astype(np.int64),
            "row_weights": along_rows,
            "column_weights": along_columns,
        }

    return run
