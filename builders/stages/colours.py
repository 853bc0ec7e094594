"""Any image as upright RGB pixels: every mode, transparency, and greys of any number of bits."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps

_TRANSPARENT = ("RGBA", "RGBa", "LA", "La", "PA")

_GROUNDS = (255, 0, 128)
"""What transparent images are laid on, the usual one first."""

_ENOUGH = 64.0
"""Grey levels between ink and ground: more contrast than this does not help."""

_NEARLY = 0.9
"""A ground that shows this part of what the best one shows is as good."""

_MINIMUM_SAMPLE, _MAXIMUM_SAMPLE = 340, 341
"""The TIFF tags SMinSampleValue and SMaxSampleValue (TIFF 6.0, section 19)."""


_Range = tuple[float | None, float | None]


def upright_rgb(image: Image.Image) -> np.ndarray:
    """The pixels of a loaded image, UINT8 [height, width, 3], turned as its EXIF says.

    Transparency lies on white, or on what shows the ink. Greys of more than 8 bits are scaled by
    the bits that they use; colours of 16 bits have lost their low byte.
    """
    # A turned image no longer has its file's tags.
    sample_range = _sample_range(image)
    return np.ascontiguousarray(np.asarray(_rgb(_upright(image), sample_range)))


def _upright(image: Image.Image) -> Image.Image:
    """The image turned as its EXIF orientation says; unreadable EXIF says nothing."""
    try:
        return ImageOps.exif_transpose(image)
    except MemoryError:
        raise
    except Exception:
        return image


def _rgb(image: Image.Image, sample_range: _Range) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode.startswith(("I", "F")):
        return _greys(image, sample_range)
    if image.mode in _TRANSPARENT or "transparency" in image.info:
        layer = image.convert("RGBA")
        grey = _ground(np.asarray(layer.convert("L")), np.asarray(layer.getchannel("A")))
        paper = Image.new("RGBA", layer.size, (grey, grey, grey, 255))
        return Image.alpha_composite(paper, layer).convert("RGB")
    return image.convert("RGB")


def _greys(image: Image.Image, sample_range: _Range) -> Image.Image:
    """Greys of more than 8 bits, on a ground that shows them where the file names a clear one."""
    samples = np.asarray(image)
    greys = _to_bytes(samples, *sample_range)
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        alpha = np.where(samples == clear, 0, 255).astype(np.uint8)
        greys = np.where(alpha, greys, np.uint8(_ground(greys, alpha)))
    return Image.fromarray(greys).convert("RGB")


def _ground(greys: np.ndarray, alpha: np.ndarray) -> int:
    """The grey to lay a transparent image on: white, or else black or mid-grey, if it shows more.

    Ink may be of the ground's own colour, and then only the transparency draws it. What a ground
    shows is the contrast between neighbours, summed, as far as it helps.

    Args:
        greys: UINT8 [h, w].
        alpha: UINT8 [h, w], 255 where nothing shines through.
    """
    if alpha.min(initial=255) == 255:
        return _GROUNDS[0]
    # Letters have upright strokes: a quarter of the rows tells, along the rows.
    every = min(4, -(-len(greys) // 64))
    opacity = alpha[::every].astype(np.float32) / 255
    ink = greys[::every] * opacity
    shown = [
        float(np.minimum(np.abs(np.diff(ink + ground * (1 - opacity))), _ENOUGH).sum())
        for ground in _GROUNDS
    ]
    most = max(shown)
    return next(g for g, own in zip(_GROUNDS, shown, strict=True) if own >= _NEARLY * most)


def _sample_range(image: Image.Image) -> _Range:
    """What black and white are, as a TIFF may say of its samples."""
    tags = getattr(image, "tag_v2", {})
    found = []
    for tag in (_MINIMUM_SAMPLE, _MAXIMUM_SAMPLE):
        value = tags.get(tag)
        number = value[0] if isinstance(value, tuple) and value else value
        found.append(float(number) if isinstance(number, (int, float)) else None)
    return found[0], found[1]


def _to_bytes(
    samples: np.ndarray, black: float | None = None, white: float | None = None
) -> np.ndarray:
    """Greys of more than 8 bits as UINT8.

    From ``black`` to ``white`` where a file says so and its samples fill that range; other integers
    by the bits that their largest one uses, whatever type holds them; all others by their range.
    """
    values = np.nan_to_num(samples.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if black is not None and white is not None and black <= low < high <= white:
        low, high = black, white
    elif samples.dtype.kind != "f" and low >= 0:
        low, high = 0.0, 2.0 ** max(8, int(high).bit_length()) - 1
    return np.asarray(np.rint((values - low) * (255 / max(high - low, 1e-12))), np.uint8)
