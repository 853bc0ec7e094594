"""Pages of printed text, in Pillow's own font: for examples, known answers and measurements."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

Colour = str | int | tuple[int, int, int]
"""As Pillow takes it: a name, a grey of 0 to 255, or red, green and blue."""


@dataclass(frozen=True)
class Printed:
    """A line of print.

    Attributes:
        place: the left and the top of its box, in pixels.
        text: what it says.
        size: of the type, in pixels.
        ink: its colour.
    """

    place: tuple[int, int]
    text: str
    size: int
    ink: Colour


def print_page(size: tuple[int, int], lines: Iterable[Printed], paper: Colour) -> Image.Image:
    """A page with those lines.

    Args:
        size: its width and height, in pixels.
        lines: what stands on it; the later ones lie on top.
        paper: its colour; a grey gives a page of mode ``L``, any other one of mode ``RGB``.
    """
    page = Image.new("L" if isinstance(paper, int) else "RGB", size, paper)
    pen = ImageDraw.Draw(page)
    fonts: dict[int, ImageFont.FreeTypeFont | ImageFont.ImageFont] = {}
    for line in lines:
        if line.size not in fonts:
            fonts[line.size] = ImageFont.load_default(line.size)
        pen.text(line.place, line.text, fill=line.ink, font=fonts[line.size])
    return page


def as_png(page: Image.Image, compress_level: int = 6) -> bytes:
    """The page as a PNG file.

    Args:
        page: of any mode that PNG has.
        compress_level: 0 (fast) to 9 (small).
    """
    buffer = io.BytesIO()
    page.save(buffer, "PNG", compress_level=compress_level)
    return buffer.getvalue()
