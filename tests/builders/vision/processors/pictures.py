"""Image files of odd sizes, modes and formats, from a seed, and how transformers reads them."""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image
from transformers.image_utils import load_image

MODES = {
    "RGB": ("PNG", "JPEG", "WEBP", "TIFF", "BMP"),
    "L": ("PNG", "JPEG", "TIFF", "BMP"),
    "LA": ("PNG", "TIFF"),
    "RGBA": ("PNG", "WEBP", "TIFF"),
    "P": ("PNG", "GIF"),
    "CMYK": ("JPEG", "TIFF"),
    "1": ("PNG", "TIFF", "BMP"),
}
"""A mode of Pillow -> the formats that it is saved in."""

Files = Sequence[tuple[str, bytes]]
"""What each file is, and its bytes."""

_ORIENTATION = 0x0112


def picture(seed: int, longest: int = 700) -> tuple[str, bytes]:
    """An image file, and what it is, in a word or two."""
    draw = np.random.default_rng(seed)
    mode = list(MODES)[seed % len(MODES)]
    formats = MODES[mode]
    form = formats[seed // len(MODES) % len(formats)]
    # One in ten is a line; the others are odd in one side at least.
    height, width = (int(each) for each in draw.integers(1, longest, 2) | 1)
    if seed % 10 == 9:
        height, width = (1, width) if seed % 20 == 9 else (height, 1)
    return f"{mode} {form} {width}x{height}", saved(drawn(draw, height, width), mode, form, seed)


def drawn(draw: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Smooth colours, edges and noise, UINT8 [height, width, 4]."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = [np.sin(rows / f + columns / g) for f, g in draw.uniform(2, 90, (4, 2))]
    found = 127.5 + 127.5 * np.stack(waves, -1)
    found[rows.astype(int) // 7 % 5 == 0] *= 0.2
    noisy = found + draw.normal(0, 25, found.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def saved(pixels: np.ndarray, mode: str, form: str, seed: int = 0) -> bytes:
    """An image of that mode in a file of that format; every EXIF orientation comes about."""
    image = Image.fromarray(pixels)
    if mode == "P":
        image = image.convert("RGB").quantize(32)
        image.info["transparency"] = 3
    else:
        image = image.convert(mode) if mode != "CMYK" else image.convert("RGB").convert("CMYK")
    exif = Image.Exif()
    exif[_ORIENTATION] = 1 + seed % 8
    kept = {"exif": exif} if form in ("JPEG", "PNG", "WEBP") else {}
    out = io.BytesIO()
    image.save(out, form, **kept)
    return out.getvalue()


def sixteen(seed: int, height: int, width: int) -> bytes:
    """A PNG of 16 bits a grey."""
    draw = np.random.default_rng(seed)
    out = io.BytesIO()
    Image.fromarray(draw.integers(0, 65536, (height, width)).astype(np.uint16)).save(out, "PNG")
    return out.getvalue()


def opened(encoded: bytes) -> Image.Image:
    """The image as transformers reads it from a file."""
    found: Image.Image = load_image(Image.open(io.BytesIO(encoded)))
    return found


SIZES = ((1, 1), (3, 3), (24, 24), (48, 48), (64, 64), (56, 112), (100, 40))
"""Widths and heights of a pixel, of as many pixels as there are channels, and of whole tiles."""


@functools.cache
def few() -> Files:
    """One small file of each mode, two lines, and one of each of :data:`SIZES`."""
    odd = [picture(seed, 200) for seed in (*range(len(MODES)), 9, 19)]
    even = [
        (
            f"RGB PNG {width}x{height}",
            saved(drawn(np.random.default_rng(width), height, width), "RGB", "PNG"),
        )
        for width, height in SIZES
    ]
    return (*odd, *even)


@functools.cache
def many() -> Files:
    """Two hundred files."""
    return tuple(picture(seed) for seed in range(200))
