"""Pixels to what the tower takes, as the checkpoint's own image processor makes it.

``pixels`` UINT8 [height, width, 3] -> ``pixel_values`` FP32 [3, height, width]; for a tower that
sees tiles FP32 [tiles, 3, side, side], and ``tiling`` INT32 [4], the rows and columns of tiles
beside the one of the whole image and the image's height and width. Where the arithmetic is left to
another model, ``pixel_values`` is UINT8.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from .processors import fixed, tiles
from .processors.pixels import MAXIMUM_PIXELS

PROCESSOR_FILE = "processor.json"
"""The checkpoint's processor, beside the stage."""


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; it reads the processor's settings.

    The parameter ``maximum_pixels`` bounds an image at every size that it is brought to, and
    ``maximum_tiles`` the tiles of one. Of a tower that interpolates, ``maximum_patches`` bounds
    the patches of one, whose sides have ``patch_size`` pixels. With ``as_bytes`` "true" pixels are
    not rescaled and normalised.
    """
    settings = json.loads((folder / PROCESSOR_FILE).read_text("utf-8"))
    maximum = int(parameters.get("maximum_pixels", MAXIMUM_PIXELS))

    def bound(pixels: np.ndarray) -> None:
        if "maximum_patches" in parameters:
            patch, most = int(parameters["patch_size"]), int(parameters["maximum_patches"])
            fixed.refuse_patches(settings, (pixels.shape[0], pixels.shape[1]), patch, most)

    def one(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        bound(inputs["pixels"])
        return {"pixel_values": fixed.process(settings, inputs["pixels"], maximum)}

    def as_bytes(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        bound(inputs["pixels"])
        found = fixed.shown(settings, inputs["pixels"], maximum)
        return {"pixel_values": np.ascontiguousarray(found.transpose(2, 0, 1))}

    def many_as_bytes(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        most = int(parameters["maximum_tiles"])
        found, tiling = tiles.shown(settings, inputs["pixels"], most, maximum)
        planes = np.ascontiguousarray(np.stack(found).transpose(0, 3, 1, 2))
        return {"pixel_values": planes, "tiling": tiling}

    def many(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        most = int(parameters["maximum_tiles"])
        found, tiling = tiles.process(settings, inputs["pixels"], most, maximum)
        return {"pixel_values": found, "tiling": tiling}

    bare = parameters.get("as_bytes") == "true"
    if settings["kind"] in tiles.KINDS:
        return many_as_bytes if bare else many
    return as_bytes if bare else one
