"""A processor's operations as one writes them in Pillow and numpy: resize, crop, to float."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from perf.errors import PerfError


def prepared(image: Image.Image, settings: Mapping[str, Any]) -> np.ndarray:
    """What a tower of one size takes, FP32 [3, height, width].

    Args:
        image: RGB.
        settings: the processor's, as the build writes them.

    Raises:
        PerfError: another kind of processor.
    """
    if settings["kind"] != "fixed" or settings["do_pad"] or not settings["do_resize"]:
        raise PerfError(
            "expected a repository whose processor resizes images to one size, found another. "
            "Build one of a LLaVA, a CLIP or a SigLIP."
        )
    size = settings["size"]
    width, height = size.get("width"), size.get("height")
    if width is None or height is None:
        short, long = sorted(image.size)
        other = size["shortest_edge"] * long // short
        width, height = (
            (size["shortest_edge"], other)
            if image.width <= image.height
            else (other, size["shortest_edge"])
        )
    image = image.resize((width, height), settings["resample"])
    if settings["do_center_crop"]:
        high, wide = settings["crop_size"]["height"], settings["crop_size"]["width"]
        left, top = (width - wide) // 2, (height - high) // 2
        image = image.crop((left, top, left + wide, top + high))
    values = np.asarray(image, np.float32) * np.float32(settings["rescale_factor"])
    mean, deviation = (np.float32(settings[f"image_{each}"]) for each in ("mean", "std"))
    return np.ascontiguousarray(((values - mean) / deviation).transpose(2, 0, 1))
