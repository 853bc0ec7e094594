"""Text set on a page, which remembers its ground truth.

Fonts come with pinned packages (matplotlib, its Japanese companion, Pillow), so that a page is the
same on every machine. The ground truth is the text in reading order, one entry a line; cells of one
table row and items and prices of one receipt row are one line.
"""

from __future__ import annotations

import functools
import importlib.util
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from perf.against.pages.words import SENTENCES, WORDS

Font = ImageFont.FreeTypeFont

SANS, SANS_BOLD, SANS_OBLIQUE = "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique"
SERIF, SERIF_BOLD, SERIF_ITALIC = "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic"
MONO, TIMES, TIMES_ITALIC = "DejaVuSansMono", "STIXGeneral", "STIXGeneralItalic"
CJK, BUILT_IN = "ipaexg", "built-in"


@dataclass(frozen=True)
class Page:
    """A rendered page.

    Attributes:
        name: unique in its set.
        condition: what it tests; one of :data:`perf.against.pages.conditions.CONDITIONS`.
        image: RGB.
        lines: the ground truth, in reading order.
    """

    name: str
    condition: str
    image: Image.Image
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The whole text, a line break after every line."""
        return "\n".join(self.lines)

    def png(self) -> bytes:
        """The page as an encoded file, without loss."""
        buffer = io.BytesIO()
        self.image.save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()


@functools.cache
def font(name: str, size: int) -> Font:
    """A font of a pinned package, laid out without Raqm, so every machine draws the same."""
    if name == BUILT_IN:
        built_in = ImageFont.load_default(size)
        assert isinstance(built_in, ImageFont.FreeTypeFont)
        return built_in
    package, folder = ("matplotlib", "mpl-data/fonts/ttf")
    if name == CJK:
        package, folder = ("matplotlib_fontja", "fonts")
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.origin is not None, f"{package} is not installed"
    path = Path(spec.origin).parent / folder / f"{name}.ttf"
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


class Writer:
    """Sets text on a page and remembers the ground truth."""

    def __init__(
        self,
        rng: np.random.Generator,
        size: tuple[int, int] = (840, 760),
        paper: int = 255,
        ink: int = 20,
    ) -> None:
        self.rng = rng
        self.image = Image.new("RGB", size, (paper,) * 3)
        self.draw = ImageDraw.Draw(self.image)
        self.ink = (ink,) * 3
        self.lines: list[str] = []

    @property
    def width(self) -> int:
        """Of the page, in pixels."""
        return self.image.width

    @property
    def height(self) -> int:
        """Of the page, in pixels."""
        return self.image.height

    def line(self, xy: tuple[float, float], text: str, face: Font) -> None:
        """One line, its ink's top left near ``xy``."""
        self.draw.text(xy, text, font=face, fill=self.ink)
        self.lines.append(text)

    def row(self, y: float, cells: Sequence[tuple[float, str]], face: Font) -> None:
        """Cells side by side that are read as one line. A negative x is from the right edge."""
        for x, text in cells:
            left = x if x >= 0 else self.width + x - face.getlength(text)
            self.draw.text((left, y), text, font=face, fill=self.ink)
        self.lines.append(" ".join(text for _, text in cells))

    def column(
        self,
        box: tuple[int, int, int, int],
        face: Font,
        language: str = "english",
        leading: float = 1.45,
        lines: int = 99,
        paragraph: int = 6,
    ) -> float:
        """Running text that fills ``box`` (left, top, right, bottom); returns the y below it."""
        left, top, right, bottom = box
        y, written = float(top), 0
        step = face.size * leading
        words = self.words(language)
        separator = "" if language in SENTENCES else " "
        pending = next(words)
        while y + face.size * 1.2 <= bottom and written < lines:
            ends = paragraph > 0 and written % paragraph == paragraph - 1
            limit = (right - left) * (float(self.rng.uniform(0.35, 0.9)) if ends else 1.0)
            text = pending
            pending = next(words)
            while face.getlength(text + separator + pending) <= limit:
                text += separator + pending
                pending = next(words)
            self.line((left, y), text, face)
            y += step + (face.size * 0.7 if ends else 0)
            written += 1
        return y

    def words(self, language: str) -> Iterator[str]:
        """Endless words, or characters of sentences, with capitals and stops."""
        if language in SENTENCES:
            sentences = [part + "。" for part in SENTENCES[language].split("。") if part]
            while True:
                yield from sentences[int(self.rng.integers(len(sentences)))]
        vocabulary = WORDS[language].split()
        while True:
            length = int(self.rng.integers(5, 14))
            chosen = [vocabulary[int(k)] for k in self.rng.integers(len(vocabulary), size=length)]
            chosen[0] = chosen[0][0].upper() + chosen[0][1:]
            if length > 8:
                chosen[int(self.rng.integers(2, 6))] += ","
            chosen[-1] += "." if self.rng.random() < 0.85 else "?"
            yield from chosen

    def heading(self, y: float, face: Font, left: float = 50) -> float:
        """A short line of large type; returns the y below it."""
        words = [word for word, _ in zip(self.words("english"), range(4), strict=False)]
        self.line((left, y), " ".join(word.strip(",.?") for word in words), face)
        return y + face.size * 1.9
