"""An encoded image file to RGB pixels, as Pillow converts them: what image processors expect.

``image`` UINT8 [-1] -> ``pixels`` UINT8 [h, w, 3].

The formats of :mod:`decode_image`; the first page or frame is read. It is turned as its EXIF says.
An alpha channel is left out, as ``convert("RGB")`` does it, and nothing is laid under it. Greys of
more than 8 bits are scaled by the bits that they use; Pillow would make nearly all of them white.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from builders.stages import colours
from builders.stages.decode_image import MAXIMUM_PIXELS, opened, refuse_large


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage.

    The parameter ``maximum_pixels`` bounds width times height. ``clear`` is what becomes of the one
    colour that stands for what is transparent, in a file that names one: "white", or "kept".
    """
    limit = int(parameters.get("maximum_pixels", MAXIMUM_PIXELS))
    white = parameters.get("clear", "white") == "white"

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"pixels": decode(inputs["image"].tobytes(), limit, white)}

    return run


def decode(
    encoded: bytes, maximum_pixels: int = MAXIMUM_PIXELS, clear_is_white: bool = True
) -> np.ndarray:
    """The pixels in the file's bytes, UINT8 [height, width, 3], upright.

    Args:
        encoded: the file.
        maximum_pixels: of the image.
        clear_is_white: as the parameter ``clear``.

    Raises:
        InvalidArgument: no image, a broken one, one of another format, or with too many pixels.
    """
    with opened(encoded, maximum_pixels) as image:
        refuse_large([image.size], maximum_pixels)
        return colours.pillow_rgb(image, clear_is_white)
