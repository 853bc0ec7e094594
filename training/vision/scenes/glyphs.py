"""The letters and digits that are written, in Pillow's own font, which is in the library."""

from __future__ import annotations

from functools import lru_cache

from PIL import ImageFont

GLYPHS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def width_of(text: str, height: float) -> float:
    """How wide a text is in pixels, if its font has that height."""
    return sum(advances(text)) * height


@lru_cache(1024)
def advances(text: str) -> tuple[float, ...]:
    """From each glyph to the next, for a font of height one, a little wider than the font says."""
    face = font(100)
    return tuple(face.getlength(glyph) / 100 + 0.03 for glyph in text)


@lru_cache(256)
def font(size: int) -> ImageFont.FreeTypeFont:
    """The font at a height in pixels."""
    found = ImageFont.load_default(size)
    assert isinstance(found, ImageFont.FreeTypeFont)
    return found
