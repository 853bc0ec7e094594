"""Any image as upright RGB pixels: every mode, transparency, and samples of any number of bits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageOps

from builders.kit.invalid_argument import InvalidArgument
from builders.stages import samples

_TRANSPARENT = ("RGBA", "RGBa", "LA", "La", "PA")

_GROUNDS = (255, 0, 128)
"""What transparent images are laid on, the usual one first."""

_ENOUGH = 64.0
"""Grey levels between ink and ground: more contrast than this does not help."""

_NEARLY = 0.9
"""A ground that shows this part of what the best one shows is as good."""

_BAND = 1 << 19
"""Bytes of a band of an image that is copied at once."""

_MINIMUM_SAMPLE, _MAXIMUM_SAMPLE = 340, 341
"""The TIFF tags SMinSampleValue and SMaxSampleValue (TIFF 6.0, section 19)."""


def upright_rgb(image: Image.Image, again: Callable[[], Image.Image]) -> np.ndarray:
    """The pixels of an image, UINT8 [height, width, 3], turned as its EXIF says.

    Transparency lies on white, or on what shows the ink. Samples of more than 8 bits are scaled by
    the bits that they use.

    Args:
        image: opened, and not loaded.
        again: opens it once more.

    Raises:
        InvalidArgument: samples that would be read wrongly.
    """
    # A loaded image no longer has its layout, and a turned one no longer has its file's tags.
    layout = samples.layout(image)
    image.load()
    sample_range = _sample_range(image)
    found, cut = image, samples.is_cut(image, layout, sample_range)
    _refuse_planes(image, layout, cut)
    if cut:
        found = samples.whole(image, layout, again, sample_range)
    return np.ascontiguousarray(np.asarray(_rgb(_upright(found, image), sample_range)))


def pillow_rgb(image: Image.Image, clear_is_white: bool = True) -> np.ndarray:
    """The pixels of an image as Pillow itself converts them, UINT8 [height, width, 3].

    It is turned as its EXIF says. An alpha channel is left out: the colours under it show. Samples
    of 16 bits keep their high bytes. Greys of more than 8 bits are the exception: Pillow clips
    them, so that nearly all are white; they are scaled, as :func:`upright_rgb` does.

    Args:
        image: opened, and not loaded.
        clear_is_white: if one colour stands for what is transparent, that becomes white.

    Raises:
        InvalidArgument: samples that would be read wrongly.
    """
    layout = samples.layout(image)
    image.load()
    sample_range = _sample_range(image)
    _refuse_planes(image, layout, samples.is_cut(image, layout, sample_range))
    _turn(image)
    found = image
    if image.mode.startswith(("I", "F")):
        found = Image.fromarray(samples.to_bytes(np.asarray(image), *sample_range))
    if found.mode != "RGB":
        found = found.convert("RGB")
    if clear_is_white and found.info.get("transparency") is not None:
        layer = found.convert("RGBA")
        paper = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        found = Image.alpha_composite(paper, layer).convert("RGB")
    return _array(found)


def _array(image: Image.Image) -> np.ndarray:
    """An RGB image as an array, UINT8 [height, width, 3].

    Pillow gives an array of a large image by several copies of all of it; of a band that fits into
    the processor's cache, these cost little.
    """
    width, height = image.size
    found = np.empty((height, width, 3), np.uint8)
    rows = max(1, _BAND // (3 * width))
    for top in range(0, height, rows):
        end = min(top + rows, height)
        found[top:end] = np.asarray(image.crop((0, top, width, end)))
    return found


def _turn(image: Image.Image) -> None:
    """Turn an image as its EXIF says, without a copy of one that is upright."""
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except MemoryError:
        raise
    except Exception:  # as in :func:`_upright`
        return


def _refuse_planes(image: Image.Image, layout: str, cut: bool) -> None:
    if samples.in_planes(image) and (cut or not layout.endswith("16N")):
        raise InvalidArgument(
            "the TIFF has colours of 16 bits in separate planes, which are not read; save it with "
            "them interleaved, or of 8 bits"
        )


def _upright(image: Image.Image, source: Image.Image) -> Image.Image:
    """The image turned as its source's EXIF orientation says; unreadable EXIF says nothing."""
    try:
        if image is not source:
            image.getexif().update(source.getexif())
        return ImageOps.exif_transpose(image)
    except MemoryError:
        raise
    except Exception:  # Pillow raises whatever a broken block leads it to, SyntaxError among them
        return image


def _rgb(image: Image.Image, sample_range: samples.Range) -> Image.Image:
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


def _greys(image: Image.Image, sample_range: samples.Range) -> Image.Image:
    """Greys of more than 8 bits, on a ground that shows them where the file names a clear one."""
    values = np.asarray(image)
    greys = samples.to_bytes(values, *sample_range)
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        alpha = np.where(values == clear, 0, 255).astype(np.uint8)
        greys = np.where(alpha, greys, np.uint8(_ground(greys, alpha)))
    return Image.fromarray(greys).convert("RGB")


def _ground(greys: np.ndarray, alpha: np.ndarray) -> int:
    """The grey to lay a transparent image on: white, or else black or mid-grey, if it shows more.

    Ink may have the colour of the ground; then only the transparency shows it. Each ground is
    judged by the sum of the contrasts between neighbours, as far as they help.

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


def _sample_range(image: Image.Image) -> samples.Range:
    """What black and white are, as a TIFF may say of its samples."""
    tags = getattr(image, "tag_v2", {})
    found = []
    for tag in (_MINIMUM_SAMPLE, _MAXIMUM_SAMPLE):
        value = tags.get(tag)
        number = value[0] if isinstance(value, tuple) and value else value
        found.append(float(number) if isinstance(number, (int, float)) else None)
    return found[0], found[1]
