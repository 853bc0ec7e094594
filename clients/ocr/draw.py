"""A page with what was read on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from clients.ocr.client import Line

_BOX = (24, 119, 242)
_LOW = (214, 40, 40)
_SURE = 0.9
"""Of lines with a lower score half or fewer are right: ``perf/results/ocr_scores.md``."""


def draw(pixels: np.ndarray, lines: Sequence[Line], font: Path | None = None) -> Image.Image:
    """The page with its boxes, and beside it the text that was read, each line in its place.

    Args:
        pixels: the page as the server saw it, UINT8 [height, width, 3].
        lines: what the server answered; those with a score below 0.9 are drawn in red.
        font: a font file for scripts that Pillow's own font lacks, as Chinese.

    Returns:
        An RGB image, twice as wide as the page.

    Raises:
        OSError: the font cannot be read.
    """
    page = Image.fromarray(pixels)
    canvas = Image.new("RGB", (2 * page.width, page.height), "white")
    canvas.paste(page, (0, 0))
    pen = ImageDraw.Draw(canvas)
    pen.line([(page.width, 0), (page.width, page.height)], fill=(200, 200, 200))
    for line in lines:
        colour = _BOX if line.score >= _SURE else _LOW
        pen.polygon(line.box, outline=colour, width=2)
        shifted = [(x + page.width, y) for x, y in line.box]
        pen.polygon(shifted, outline=(225, 230, 236))
        _write(canvas, line, page.width, font)
    return canvas


def _write(canvas: Image.Image, line: Line, shift: int, font: Path | None) -> None:
    """Writes the text along its box, turned and stretched like the box."""
    (x0, y0), (x1, y1), _, (x3, y3) = line.box
    width = max(1, round(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5))
    height = max(1, round(((x3 - x0) ** 2 + (y3 - y0) ** 2) ** 0.5))
    size = max(6.0, 0.75 * height)
    letters = ImageFont.truetype(font, size) if font else ImageFont.load_default(size)
    left, top, right, bottom = letters.getbbox(line.text or " ")
    drawn = Image.new("L", (max(1, round(right - left)), max(1, round(bottom - top))), 0)
    ImageDraw.Draw(drawn).text((-left, -top), line.text, fill=255, font=letters)
    drawn = drawn.resize((min(drawn.width, width), min(drawn.height, height)))
    # The corner of the box, one pixel to the right and one down, in the page's axes.
    across = ((x1 - x0) / width, (y1 - y0) / width)
    down = ((x3 - x0) / height, (y3 - y0) / height)
    margin = (height - drawn.height) / 2
    origin = (x0 + shift + margin * down[0], y0 + margin * down[1])
    a, b, d, e = across[0], down[0], across[1], down[1]
    scale = a * e - b * d
    if abs(scale) < 1e-6:
        return
    inverse = (
        e / scale,
        -b / scale,
        (b * origin[1] - e * origin[0]) / scale,
        -d / scale,
        a / scale,
        (d * origin[0] - a * origin[1]) / scale,
    )
    mask = drawn.transform(
        canvas.size, Image.Transform.AFFINE, inverse, resample=Image.Resampling.BILINEAR
    )
    canvas.paste((27, 39, 51), (0, 0), mask)
