"""Samples of more than 8 bits as bytes: greys of any type, and colours of 16 bits.

Pillow keeps the high byte of each sample of 16-bit colours. That is all there is to see where the
samples use all 16 bits. Where they use fewer, as what a camera of 10 or 12 bits writes, the file is
read twice more, for either byte.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from PIL import Image

Range = tuple[float | None, float | None]
"""What black and white are, where a file says so."""

_BITS_PER_SAMPLE, _PLANAR_CONFIGURATION = 258, 284
"""TIFF tags (TIFF 6.0, section 8)."""

_NAMES = ("RGB", "RGBX", "RGBA", "RGBa", "LA", "CMYK")
"""Of Pillow's layouts of colours, as "RGB;16B" of 16 bits; the "X" is skipped."""

_OPAQUE = ("RGB", "RGBX", "CMYK")

_OTHER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
"""The order of bytes in which the first of a sample is taken for its last."""


def layout(image: Image.Image) -> str:
    """How an image's samples lie in its file, as Pillow calls it; empty for a loaded image."""
    tiles = getattr(image, "tile", None)
    args = tiles[0].args if tiles else ""
    found = args[0] if isinstance(args, tuple) and args else args
    return found if isinstance(found, str) else ""


def in_planes(image: Image.Image) -> bool:
    """Whether colours of 16 bits lie in a TIFF's planes, one after the other.

    Pillow reads those wrongly where they are not compressed, and has their high bytes alone where
    they are.
    """
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(_BITS_PER_SAMPLE)
    planes = tags.get(_PLANAR_CONFIGURATION) == 2
    return planes and isinstance(bits, tuple) and len(bits) > 1 and max(bits) > 8


def is_cut(image: Image.Image, layout: str, limits: Range) -> bool:
    """Whether the high bytes, which a loaded image has, do not show what is in it.

    Args:
        image: loaded.
        layout: of its file.
        limits: what black and white are, where the file says so.
    """
    name, _, kind = layout.partition(";")
    if name not in _NAMES or kind[:-1] != "16":
        return False
    if "transparency" in image.info or limits[1] is not None:
        return True
    high = [most for _, most in np.reshape(image.getextrema(), (-1, 2)).tolist()]
    opacity = 255 if name in _OPAQUE else high.pop()
    return bool(max(high) < 128 or opacity < 128)


def whole(
    image: Image.Image, layout: str, again: Callable[[], Image.Image], limits: Range
) -> Image.Image:
    """An image of 16 bits, scaled by the bits that its colours use, and its opacity likewise.

    Args:
        image: loaded.
        layout: of its file.
        again: opens it once more.
        limits: what black and white are, where the file says so.
    """
    name = layout.partition(";")[0]
    values = _values(layout, again)
    colours = values if name in _OPAQUE else values[..., :-1]
    bands = list(np.moveaxis(to_bytes(colours, *limits), 2, 0))
    clear = image.info.get("transparency")
    if name not in _OPAQUE:
        bands.append(to_bytes(values[..., -1]))
    elif isinstance(clear, tuple):
        bands.append(np.where((values == clear).all(2), np.uint8(0), np.uint8(255)))
    layers = [Image.fromarray(np.ascontiguousarray(each)) for each in bands]
    if name == "CMYK":
        return Image.merge("CMYK", layers)
    made = Image.merge(("LA", "RGB", "RGBA")[len(layers) - 2], layers)
    if name == "RGBa":
        return Image.frombytes("RGBa", made.size, made.tobytes()).convert("RGBA")
    return made


def _values(layout: str, again: Callable[[], Image.Image]) -> np.ndarray:
    """The samples of colours of 16 bits, UINT16 [height, width, bands]."""
    name, _, kind = layout.partition(";")
    if name == "LA":  # Pillow has no other order of its bytes, but takes all four of a pixel.
        both = _read(again(), "RGBA").astype(np.uint16)
        return np.asarray(both[..., ::2] << 8 | both[..., 1::2])
    order = kind[-1]
    high, low = (
        _read(again(), f"{'RGBA' if name == 'RGBa' else name};16{each}")
        for each in (order, _OTHER[order])
    )
    return np.asarray(high.astype(np.uint16) << 8 | low)


def _read(image: Image.Image, layout: str) -> np.ndarray:
    """What an image, not loaded yet, has in another layout."""
    image.tile = [  # type: ignore[attr-defined]
        tile._replace(args=(layout, *tile.args[1:]) if isinstance(tile.args, tuple) else layout)
        for tile in image.tile  # type: ignore[attr-defined]
    ]
    image.load()
    return np.asarray(image)


def to_bytes(
    samples: np.ndarray, black: float | None = None, white: float | None = None
) -> np.ndarray:
    """Samples of more than 8 bits as UINT8.

    If a file states ``black`` and ``white`` and its samples fill that range, they are scaled from
    it. Other integers are scaled by the bits that the largest one uses, whatever type holds them,
    and all others by their range.
    """
    if samples.dtype.kind == "u" and samples.dtype.itemsize == 2:
        span = _span(float(samples.min()), float(samples.max()), black, white, bits=True)
        return np.asarray(_scaled(np.arange(1 << 16, dtype=np.float32), *span)[samples])
    values = np.nan_to_num(samples.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    bits = samples.dtype.kind != "f"
    return _scaled(values, *_span(float(values.min()), float(values.max()), black, white, bits))


def _span(
    low: float, high: float, black: float | None, white: float | None, bits: bool
) -> tuple[float, float]:
    """What becomes 0 and 255, of samples from ``low`` to ``high``."""
    if black is not None and white is not None and black <= low < high <= white:
        return black, white
    if bits and low >= 0:
        return 0.0, 2.0 ** max(8, int(high).bit_length()) - 1
    return low, high


def _scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    grey = np.rint((values - low) * (255 / max(high - low, 1e-12)))
    return np.asarray(grey.clip(0, 255), np.uint8)
