"""Pixels of 8 bits to the numbers that a tower takes: rescaled and normalised.

A sample has 256 values, so the arithmetic is done on a table of these, in the order and precision
of transformers' ``image_transforms``: rescaled in 64 bits and rounded to 32, normalised in 32.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

CHANNELS = 3


def table(settings: Mapping[str, Any]) -> np.ndarray:
    """What each channel's 256 values become, FP32 [3, 256]."""
    values: np.ndarray = np.arange(256, dtype=np.float32)
    if settings["do_rescale"]:
        values = (np.arange(256, dtype=np.float64) * settings["rescale_factor"]).astype(np.float32)
    values = np.repeat(values[None], CHANNELS, 0)
    if settings["do_normalize"]:
        mean = np.array(settings["image_mean"], np.float32)[:, None]
        deviation = np.array(settings["image_std"], np.float32)[:, None]
        values = (values - mean) / deviation
    return values


def planes(pixels: np.ndarray, values: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """An image's planes, FP32 [3, height, width].

    Args:
        pixels: UINT8 [height, width, 3].
        values: of :func:`table`.
        out: what to write them into; by default an array of its own.
    """
    found = np.empty((CHANNELS, *pixels.shape[:2]), np.float32) if out is None else out
    for channel, own in enumerate(values):
        # Every index is in the table; "clip" spares numpy a copy that "raise" makes.
        np.take(own, pixels[..., channel], out=found[channel], mode="clip")
    return found


def many(images: list[np.ndarray], values: np.ndarray) -> np.ndarray:
    """The planes of images of one size, FP32 [images, 3, height, width]."""
    found = np.empty((len(images), CHANNELS, *images[0].shape[:2]), np.float32)
    for each, own in zip(images, found, strict=True):
        planes(each, values, own)
    return found
