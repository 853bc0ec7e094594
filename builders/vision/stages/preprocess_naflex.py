"""Pixels to patches of any aspect ratio, as SigLIP 2's image processor makes them.

``pixels`` UINT8 [height, width, 3] -> ``patches`` FP32 [patches, width], ``counted`` INT64
[patches], 1 for a patch of the image and 0 for one that only fills up; ``row_weights`` and
``column_weights`` FP32 [patches, side], which position embeddings each patch has
(:mod:`resized_positions`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from . import resized_positions

PROCESSOR = "naflex.json"
"""The checkpoint's processor, beside the stage: what :mod:`builders.vision.checkpoint.naflex`
writes."""


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; it reads the processor's settings, and has no parameters."""
    settings = json.loads((folder / PROCESSOR).read_text("utf-8"))

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        most, side = settings["max_num_patches"], settings["side"]
        patches, rows, columns = patches_of(settings, inputs["pixels"])
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


def patches_of(settings: Mapping[str, Any], pixels: np.ndarray) -> tuple[np.ndarray, int, int]:
    """An image's patches, row by row, FP32 [rows * columns, width], and how many there are."""
    patch, most = settings["patch_size"], settings["max_num_patches"]
    height, width = size_for(pixels.shape[0], pixels.shape[1], patch, most)
    image = Image.fromarray(pixels).resize((width, height), settings["resample"])
    planes = np.asarray(image)
    if settings["do_rescale"]:
        planes = (planes.astype(np.float64) * settings["rescale_factor"]).astype(np.float32)
    if settings["do_normalize"]:
        planes = planes.astype(np.float32)
        mean, deviation = (np.array(settings[f"image_{each}"], np.float32) for each in _NORM)
        planes = (planes - mean) / deviation
    rows, columns = height // patch, width // patch
    cut = planes.reshape(rows, patch, columns, patch, -1).transpose(0, 2, 1, 3, 4)
    return cut.reshape(rows * columns, -1).astype(np.float32), rows, columns


_NORM = ("mean", "std")


def size_for(height: int, width: int, patch: int, most: int) -> tuple[int, int]:
    """The largest height and width, whole patches, of about the image's aspect ratio, that have at
    most so many patches.

    The scale is looked for as transformers does it, so that the sizes are equal to its own.
    """

    def scaled(scale: float, size: int) -> int:
        return max(patch, math.ceil(size * scale / patch) * patch)

    low, high = 1e-6, 100.0
    while high - low >= 1e-5:
        scale = (low + high) / 2
        if (scaled(scale, height) / patch) * (scaled(scale, width) / patch) <= most:
            low = scale
        else:
            high = scale
    return scaled(low, height), scaled(low, width)
