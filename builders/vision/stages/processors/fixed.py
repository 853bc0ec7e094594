"""One image of the tower's size: CLIP, SigLIP, ViT, LLaVA and their like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from builders.kit.invalid_argument import InvalidArgument

from . import pixels as pixel
from .planes import planes, table


def patches(settings: Mapping[str, Any], source: pixel.Size, patch: int) -> int:
    """How many patches of an image a tower that interpolates sees; arguments as below."""
    height, width = pixel.fitted_size(settings, source)
    return (height // patch) * (width // patch)


def refuse_patches(
    settings: Mapping[str, Any], source: pixel.Size, patch: int, maximum: int
) -> None:
    """Refuse an image of which a tower that interpolates would see too many patches.

    Args:
        settings: the processor's, complete.
        source: the image's size.
        patch: the side of a patch, in pixels.
        maximum: of patches; attention takes memory for their square.

    Raises:
        InvalidArgument: it has more.
    """
    count = patches(settings, source, patch)
    if count > maximum:
        raise InvalidArgument(
            f"the image has {source[1]} x {source[0]} pixels, of which the model would see "
            f"{count} patches, more than the {maximum} allowed; send one that is less long and "
            "narrow, or smaller"
        )


def process(
    settings: Mapping[str, Any], pixels: np.ndarray, maximum_pixels: int = pixel.MAXIMUM_PIXELS
) -> np.ndarray:
    """What the tower takes, FP32 [3, height, width].

    Args and errors as of :func:`shown`.
    """
    return planes(shown(settings, pixels, maximum_pixels), table(settings))


def shown(
    settings: Mapping[str, Any], pixels: np.ndarray, maximum_pixels: int = pixel.MAXIMUM_PIXELS
) -> np.ndarray:
    """The pixels that the tower is shown, UINT8 [height, width, 3], before any arithmetic.

    Args:
        settings: the processor's, complete, as the build writes them.
        pixels: UINT8 [height, width, 3].
        maximum_pixels: of the image at any size that it is brought to.

    Raises:
        InvalidArgument: it would have more, or none.
    """
    if settings["do_pad"]:  # LLaVA's alone; the others have nothing to pad to
        height, width = pixels.shape[:2]
        pixel.refuse_size((max(height, width),) * 2, (height, width), maximum_pixels)
        colour = [int(each * 255) for each in settings["image_mean"]]
        pixels = pixel.square(pixels, colour)
    return pixel.fitted(pixels, settings, maximum_pixels)
