"""The set of rendered pages on which OCR is measured: every condition, drawn from a seed."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from perf.against.pages.drawn import (
    BUILT_IN,
    CJK,
    MONO,
    SANS,
    SANS_BOLD,
    SERIF,
    SERIF_ITALIC,
    TIMES,
    Page,
    Writer,
    font,
)
from perf.against.pages.words import SENTENCES, WORDS

EVALUATION_SEED = 2026
HELD_OUT_SEED = 715

Draw = Callable[[np.random.Generator], tuple[Image.Image, Sequence[str]]]
CONDITIONS: dict[str, list[Draw]] = {}


def condition(
    name: str, *variants: object
) -> Callable[[Callable[..., Writer]], Callable[..., Writer]]:
    """Registers a page under a condition, once for each variant (its second argument)."""

    def register(draw: Callable[..., Writer]) -> Callable[..., Writer]:
        for variant in variants or (None,):

            def page(
                rng: np.random.Generator, variant: object = variant
            ) -> tuple[Image.Image, Sequence[str]]:
                writer = draw(rng) if variant is None else draw(rng, variant)
                return writer.image, writer.lines

            CONDITIONS.setdefault(name, []).append(page)
        return draw

    return register


def page_set(seed: int) -> list[Page]:
    """One set of pages, every condition in it; another seed gives other texts and degrees."""
    pages = []
    for name, draws in CONDITIONS.items():
        for number, draw in enumerate(draws, start=1):
            title = f"{name} {number}"
            rng = np.random.default_rng((seed, zlib.crc32(title.encode())))
            image, lines = draw(rng)
            pages.append(Page(title, name, image, tuple(lines)))
    return pages


def plain(rng: np.random.Generator, name: str = SANS, size: int = 22, **style: Any) -> Writer:
    """A heading and running text on one column."""
    writer = Writer(rng, **style)
    y = writer.heading(45, font(name, round(size * 1.5)))
    writer.column((50, round(y), writer.width - 50, writer.height - 40), font(name, size))
    return writer


def two_columns(rng: np.random.Generator, name: str, size: int = 18, gutter: int = 40) -> Writer:
    """Two columns of running text, the right one a little shorter."""
    writer = Writer(rng, (940, 720))
    middle = writer.width // 2
    face = font(name, size)
    writer.column((40, 45, middle - gutter // 2, 680), face)
    writer.column((middle + gutter // 2, 45, writer.width - 40, 680 - 2 * size), face)
    return writer


def turn(writer: Writer, degrees: float, paper: int = 255) -> Writer:
    """The page turned counter-clockwise, its canvas grown to hold it."""
    if degrees % 90 == 0:
        writer.image = writer.image.rotate(degrees, expand=True)
    else:
        writer.image = writer.image.rotate(
            degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=(paper,) * 3
        )
    return writer


def add_noise(writer: Writer, sigma: float) -> Writer:
    """Gaussian noise of the sensor, in grey levels."""
    pixels = np.asarray(writer.image, np.float32)
    noisy = pixels + writer.rng.normal(0, sigma, pixels.shape)
    writer.image = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    return writer


def compress(writer: Writer, quality: int) -> Writer:
    """What is left after JPEG."""
    buffer = io.BytesIO()
    writer.image.save(buffer, "JPEG", quality=quality)
    writer.image = Image.open(buffer).convert("RGB")
    return writer


def sign(rng: np.random.Generator) -> int:
    """-1 or 1."""
    return int(rng.choice((-1, 1)))


@condition("fonts", SANS, SERIF, MONO, SANS_BOLD, TIMES, SERIF_ITALIC, BUILT_IN)
def _fonts(rng: np.random.Generator, name: str) -> Writer:
    return plain(rng, name, 24 if name in (TIMES, BUILT_IN) else 20)


@condition("sizes", SANS, SERIF)
def _sizes(rng: np.random.Generator, name: str) -> Writer:
    writer = Writer(rng, (900, 760))
    y = 40.0
    for size in (44, 13, 32, 16, 25, 19):
        y = writer.column((50, round(y), 850, 740), font(name, size), lines=2, paragraph=0) + 12
    return writer


@condition("noise", (8, 14), (18, 26), (30, 38))
def _noise(rng: np.random.Generator, sigma: tuple[int, int]) -> Writer:
    return add_noise(plain(rng, SANS, 21), float(rng.uniform(*sigma)))


@condition("noise", "specks")
def _specks(rng: np.random.Generator, _kind: str) -> Writer:
    writer = plain(rng, SERIF, 21)
    pixels = np.array(writer.image)
    hit = rng.random(pixels.shape[:2])
    pixels[hit < 0.01] = 0
    pixels[hit > 0.99] = 255
    writer.image = Image.fromarray(pixels)
    return writer


@condition("jpeg", (28, 40), (14, 20))
def _jpeg(rng: np.random.Generator, quality: tuple[int, int]) -> Writer:
    return compress(plain(rng, SERIF, 20), int(rng.integers(*quality)))


@condition("jpeg", "blur")
def _blurred_jpeg(rng: np.random.Generator, _kind: str) -> Writer:
    writer = plain(rng, SANS, 22)
    writer.image = writer.image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.9, 1.3))))
    return compress(writer, 45)


@condition("low contrast", (235, 185), (150, 110), (40, 90), (20, 230))
def _low_contrast(rng: np.random.Generator, levels: tuple[int, int]) -> Writer:
    paper, ink = levels
    return plain(rng, SANS, 21, paper=paper, ink=ink)


@condition("dense small", (SANS, 11), (SERIF, 12), (TIMES, 14))
def _dense_small(rng: np.random.Generator, kind: tuple[str, int]) -> Writer:
    name, size = kind
    writer = Writer(rng, (740, 560))
    writer.column((30, 30, 710, 540), font(name, size), leading=1.35, paragraph=9)
    return writer


@condition("digits", "numbers")
def _numbers(rng: np.random.Generator, _kind: str) -> Writer:
    writer = Writer(rng)
    for y in range(50, 700, 36):
        kind = int(rng.integers(4))
        a, b, c = (int(k) for k in rng.integers(1, 99, 3))
        big = int(rng.integers(1_000_000, 99_999_999))
        text = (
            f"Invoice {big} of {a % 28 + 1:02}.{b % 12 + 1:02}.20{c:02}",
            f"+49 {big % 1000} {big} ext. {a}",
            f"{big:,} + {b:,}.{c:02} = {big + b:,}.{c:02}",
            f"{a}:{b % 60:02}  {c}%  {a * 7}/{b}  {big / 1000:.3f}  -{c}",
        )[kind]
        writer.line((60, y), " ".join(text.split()), font(SANS, 22))
    return writer


@condition("digits", SANS, MONO)
def _number_table(rng: np.random.Generator, name: str) -> Writer:
    """A table of numbers without rules."""
    writer = Writer(rng, (880, 720))
    face = font(name, 19)
    names = ("North", "South", "East", "West", "Coast", "Hills", "Islands", "Valley", "Lakes")
    columns = (60, 260, 410, 560, 710)
    writer.row(
        50, list(zip(columns, ("Region", "2022", "2023", "2024", "2025"), strict=True)), face
    )
    for k in range(15):
        cells = [f"{names[int(rng.integers(len(names)))]} {k + 1}"]
        cells += [f"{int(v) / 100:.2f}" for v in rng.integers(1000, 999_999, 4)]
        writer.row(92 + 40 * k, list(zip(columns, cells, strict=True)), face)
    return writer


@condition("scripts", "french", "german", "spanish", "nordic", "japanese", "chinese")
def _scripts(rng: np.random.Generator, language: str) -> Writer:
    writer = Writer(rng)
    face = font(CJK, 24) if language in SENTENCES else font(SERIF, 20)
    writer.column((50, 45, writer.width - 50, 720), face, language, leading=1.6)
    return writer


@condition("two columns", (SANS, 18, 44), (SERIF, 17, 34), (TIMES, 21, 26))
def _two_columns(rng: np.random.Generator, kind: tuple[str, int, int]) -> Writer:
    return two_columns(rng, *kind)


@condition("three columns", SANS, TIMES)
def _three_columns(rng: np.random.Generator, name: str) -> Writer:
    writer = Writer(rng, (1000, 680))
    for left in (35, 355, 675):
        bottom = 640 - int(rng.integers(0, 5)) * 24
        writer.column((left, 40, left + 290, bottom), font(name, 17))
    return writer


@condition("heading over columns", SANS, SERIF)
def _heading_over_columns(rng: np.random.Generator, name: str) -> Writer:
    writer = Writer(rng, (940, 760))
    y = writer.heading(40, font(name, 38), left=60)
    y = writer.column((60, round(y), 880, 740), font(name, 20), lines=2, paragraph=0) + 20
    top = round(y)
    writer.column((60, top, 450, 560), font(name, 17))
    writer.column((490, top, 880, 560), font(name, 17))
    writer.column((60, 620, 880, 740), font(name, 20), lines=3, paragraph=0)
    return writer


@condition("turned up to 5", (0.4, 0.8), (1.3, 1.7), (2.0, 2.6), (3.0, 3.6), (4.6, 5.0))
def _turned_left(rng: np.random.Generator, degrees: tuple[float, float]) -> Writer:
    name = (SANS, SERIF, TIMES)[int(rng.integers(3))]
    return turn(plain(rng, name, 21), float(rng.uniform(*degrees)))


@condition("turned up to 5", (0.9, 1.2), (1.4, 1.6), (2.6, 3.0), (4.0, 4.5))
def _turned_right(rng: np.random.Generator, degrees: tuple[float, float]) -> Writer:
    name = (SANS, SERIF, TIMES)[int(rng.integers(3))]
    return turn(plain(rng, name, 21), -float(rng.uniform(*degrees)))


@condition("turned 90", SANS, TIMES)
def _turned_90(rng: np.random.Generator, name: str) -> Writer:
    return turn(plain(rng, name, 22), 90)


@condition("turned 180", SANS, SERIF)
def _turned_180(rng: np.random.Generator, name: str) -> Writer:
    return turn(plain(rng, name, 22), 180)


@condition("turned 270", SERIF, MONO)
def _turned_270(rng: np.random.Generator, name: str) -> Writer:
    return turn(plain(rng, name, 20), 270)


@condition("receipt", 0, 1)
def _receipt(rng: np.random.Generator, turned: int) -> Writer:
    """Items on the left, prices on the right, little else; the second one is turned."""
    writer = Writer(rng, (480, 820))
    face, goods = font(MONO, 18), WORDS["english"].split()
    writer.line((130, 40), "CORNER SHOP No. 12", face)
    writer.line((150, 75), "Tel. 0351 778 214", face)
    y = 140
    for _ in range(13):
        item = " ".join(goods[int(k)] for k in rng.integers(len(goods), size=2))
        price = f"{int(rng.integers(50, 4999)) / 100:.2f}"
        writer.row(y, [(40, item), (-40, price)], face)
        y += 36
    writer.row(y + 24, [(40, "TOTAL"), (-40, f"{int(rng.integers(9000, 29999)) / 100:.2f}")], face)
    writer.line((140, y + 80), "Thank you, come again", face)
    return turn(writer, sign(rng) * float(rng.uniform(1.5, 3.5))) if turned else writer


@condition("list", "numbered", "bullets")
def _items(rng: np.random.Generator, kind: str) -> Writer:
    """Short items under one another, a marker before each one."""
    writer = Writer(rng, (760, 760))
    y = writer.heading(40, font(SANS, 30))
    words = writer.words("english")
    for k in range(14):
        text = " ".join(next(words) for _ in range(int(rng.integers(2, 8))))
        marker = f"{k + 1}." if kind == "numbered" else "-"
        writer.line((70, y), f"{marker} {text}", font(SANS, 20))
        y += 42
    return writer


@condition("sparse", "letter")
def _letter(rng: np.random.Generator, _kind: str) -> Writer:
    """A sender at the right, an address and a few lines at the left, a page number."""
    writer = Writer(rng, (800, 960))
    face = font(SERIF, 20)
    words = writer.words("english")
    for k in range(3):
        writer.line((520, 60 + 30 * k), " ".join(next(words) for _ in range(2)), face)
    for k in range(3):
        writer.line((70, 220 + 30 * k), " ".join(next(words) for _ in range(3)), face)
    writer.column((70, 380, 740, 700), face, lines=8)
    writer.line((380, 900), f"- {int(rng.integers(2, 99))} -", face)
    return writer


@condition("sparse", "one line")
def _one_line(rng: np.random.Generator, _kind: str) -> Writer:
    writer = Writer(rng, (820, 120))
    writer.column((30, 40, 790, 110), font(SANS, 28), lines=1)
    return writer


@condition("combined", "columns turned")
def _columns_turned(rng: np.random.Generator, _kind: str) -> Writer:
    return turn(two_columns(rng, SERIF, 18, 44), sign(rng) * float(rng.uniform(1.5, 3.0)))


@condition("combined", "columns upside down")
def _columns_upside_down(rng: np.random.Generator, _kind: str) -> Writer:
    return turn(two_columns(rng, SANS, 18, 44), 180)


@condition("combined", "sideways and crooked")
def _sideways_and_crooked(rng: np.random.Generator, _kind: str) -> Writer:
    turned = 90 * sign(rng) + float(rng.uniform(-2.5, 2.5))
    return turn(plain(rng, SANS, 21), turned)


@condition("combined", "noise and jpeg, turned")
def _noise_and_jpeg_turned(rng: np.random.Generator, _kind: str) -> Writer:
    writer = turn(plain(rng, SERIF, 22), sign(rng) * float(rng.uniform(1.0, 2.5)))
    return compress(add_noise(writer, 14), 40)


@condition("combined", "japanese turned")
def _japanese_turned(rng: np.random.Generator, _kind: str) -> Writer:
    writer = Writer(rng)
    writer.column((50, 45, 790, 720), font(CJK, 24), "japanese", leading=1.6)
    return turn(writer, sign(rng) * float(rng.uniform(1.5, 3.5)))


@condition("combined", "faint columns")
def _faint_columns(rng: np.random.Generator, _kind: str) -> Writer:
    writer = Writer(rng, (940, 720), paper=225, ink=150)
    writer.column((40, 45, 450, 680), font(SANS, 18))
    writer.column((490, 45, 900, 600), font(SANS, 18))
    return add_noise(writer, 6)
