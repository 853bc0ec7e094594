"""Pixels to what the tower takes, as the checkpoint's own image processor makes it.

``pixels`` UINT8 [height, width, 3] -> ``pixel_values`` FP32 [3, height, width].
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

PROCESSOR = "processor.json"
"""The checkpoint's processor, beside the stage."""


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; it reads the processor's settings, and has no parameters."""
    settings = json.loads((folder / PROCESSOR).read_text("utf-8"))

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"pixel_values": _prepared(settings, inputs["pixels"])}

    return run


def _prepared(settings: Mapping[str, Any], pixels: np.ndarray) -> np.ndarray:
    image = Image.fromarray(pixels)
    size = settings["size"]
    if "shortest_edge" in size:
        scale = size["shortest_edge"] / min(image.size)
        width, height = (max(int(side * scale), size["shortest_edge"]) for side in image.size)
    else:
        width, height = size["width"], size["height"]
    image = image.resize((width, height), settings.get("resample", 3))
    if settings.get("do_center_crop"):
        crop = settings["crop_size"]
        left, top = (width - crop["width"]) // 2, (height - crop["height"]) // 2
        image = image.crop((left, top, left + crop["width"], top + crop["height"]))
    mean, deviation = (np.float32(settings[f"image_{each}"]) for each in ("mean", "std"))
    scaled = (np.asarray(image, np.float32) / 255 - mean) / deviation
    return np.ascontiguousarray(scaled.transpose(2, 0, 1), np.float32)
