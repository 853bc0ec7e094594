"""Draws the page kinds: ``python -m perf.against.kinds.make``, by chromium, groff, Ghostscript.

The kit's own renderer (:mod:`perf.against.pages`) draws none of them, so they have other typefaces,
other layouts, and damage that the reader was not made for. The pages are checked in, since browsers
and fonts differ from machine to machine: Debian's ``chromium``, ``groff``, ``ghostscript``,
``fonts-liberation``, ``fonts-dejavu``, ``fonts-noto-core`` and ``fonts-noto-cjk``.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from PIL import Image

from perf.against.kinds import PAGES, TRUTH
from perf.against.kinds import degrade as d
from perf.against.kinds.groff import MANUSCRIPTS
from perf.against.kinds.sheets import SHEETS, Sheet
from perf.against.kinds.texts import Writer

STYLE = "body{margin:30px;font:20px 'Liberation Sans';color:#111;background:#fff;overflow:hidden}"

BARS = 200
"""Pixels of the window's height that the browser's bars take; the window is so much higher."""


@dataclass(frozen=True)
class Damaged:
    """A kind that is made from another one.

    Attributes:
        sheet: the page as it was before, by name.
        damage: what happened to it.
    """

    sheet: str
    damage: d.Degrade


DAMAGED: dict[str, Damaged] = {
    name: Damaged(sheet, damage)
    for name, sheet, damage in (
        ("half", "article", d.scaled(0.5)),
        ("two_thirds", "article", d.scaled(0.66)),
        ("double", "article", d.scaled(2.0)),
        ("dpi72", "groff_letter", d.scaled(72 / 110)),
        ("squeeze_x", "article", d.scaled(0.6, 1.0)),
        ("squeeze_y", "article", d.scaled(1.0, 0.6)),
        ("blur1", "article", d.blurred(1.0)),
        ("blur2", "article", d.blurred(2.0)),
        ("blur3_large", "px36", d.blurred(3.0)),
        ("motion5", "article", d.moved(5)),
        ("motion9", "article", d.moved(9)),
        ("motion_oblique", "article", d.moved(7, 45)),
        ("jpeg5", "article", d.jpeg(5)),
        ("jpeg10", "article", d.jpeg(10)),
        ("jpeg20_small", "px14", d.jpeg(20)),
        ("noise20", "article", d.noisy(20)),
        ("noise45", "article", d.noisy(45)),
        ("pepper", "article", d.peppered(0.04)),
        ("faint", "article", d.contrast(190, 245)),
        ("fax", "article", d.fax),
        ("two_level", "groff_letter", d.two_level()),
        ("dithered", "article", d.chain(d.contrast(60, 230), d.dithered)),
        ("thick", "article", d.thick),
        ("thin", "px24", d.thin),
        ("bleeding", "article", d.bleeding),
        ("coarse_paper", "article", d.paper),
        ("oblique10", "article", d.oblique(0.10)),
        ("oblique20", "article", d.oblique(0.20)),
        ("curved6", "article", d.curved(6)),
        ("curved14", "article", d.curved(14)),
        ("curved25_wave", "px24", d.curved(12, 1.5)),
        ("barrel", "article", d.chain(d.on_a_desk, d.barrel(0.15))),
        ("shadow", "article", d.shadowed()),
        ("uneven_light", "article", d.uneven(0.25)),
        ("glare", "article", d.chain(d.contrast(20, 220), d.glare)),
        ("fold", "article", d.fold),
        ("gutter", "article", d.gutter),
        ("moire", "article", d.moire),
        ("sharpened", "article", d.chain(d.blurred(0.8), d.sharpened)),
        ("specks", "article", d.specks),
        ("pen_line", "article", d.pen_line),
        ("negative", "article", d.inverted),
        ("dim", "article", d.dim),
        ("crumpled", "px24", d.crumpled),
        ("desk", "article", d.on_a_desk),
        ("photo_mild", "article", d.photo(1)),
        ("photo_hard", "article", d.photo(2)),
        ("messenger", "article", d.MESSENGER),
        ("turned3", "article", d.turned(3)),
        ("turned-7", "article", d.turned(-7)),
        ("turned20", "article", d.turned(20)),
        ("turned45", "article", d.turned(45)),
        ("turned90", "article", d.turned(90)),
        ("turned180", "article", d.turned(180)),
        ("turned270", "article", d.turned(270)),
        ("turned177", "article", d.turned(177)),
        ("turned180_blur", "article", d.chain(d.turned(180), d.blurred(1.3))),
        ("turned180_px10", "px10", d.turned(180)),
        ("invoice3", "invoice", d.turned(3)),
        ("invoice180", "invoice", d.turned(180)),
        ("invoice270", "invoice", d.turned(270)),
        ("invoice_photo", "invoice", d.photo(1)),
        ("invoice_half", "invoice", d.scaled(0.6)),
        ("invoice_jpeg", "invoice", d.MESSENGER),
        ("receipt_photo", "receipt", d.chain(d.on_a_desk, d.photo(1))),
        ("receipt_faint", "receipt", d.chain(d.contrast(150, 235), d.noisy(8))),
        ("receipt_crumpled", "receipt", d.crumpled),
        ("table_half", "table_ruled", d.scaled(0.6)),
        ("table_oblique", "table_ruled", d.oblique(0.08)),
        ("table_scan", "table_bare", d.chain(d.turned(1), d.noisy(12), d.jpeg(40))),
        ("table_turned90", "table_ruled", d.turned(90)),
        ("newspaper_scan", "newspaper2", d.chain(d.paper, d.thick, d.turned(-1), d.jpeg(50))),
        ("newspaper_half", "newspaper3", d.scaled(0.7)),
        ("form_photo", "form", d.photo(1)),
        ("form_scan", "form_dotted", d.chain(d.turned(2), d.noisy(15), d.jpeg(40))),
        ("card_photo", "card", d.chain(d.on_a_desk, d.photo(1))),
        ("code_half", "code_dark", d.scaled(0.6)),
        ("code_jpeg", "code_light", d.jpeg(15)),
        ("code_screen", "code_light", d.chain(d.oblique(0.06), d.moire)),
        ("chat_jpeg", "chat_light", d.MESSENGER),
        ("chat_dark_photo", "chat_dark", d.chain(d.oblique(0.05), d.moire, d.noisy(6))),
        ("slide_photo", "slide", d.photo(1)),
        ("poster_photo", "poster", d.photo(2)),
        ("label_blur", "label", d.blurred(1.8)),
        ("label_turned", "label", d.turned(90)),
        ("plate_photo", "licence_plate", d.chain(d.on_a_desk, d.oblique(0.12), d.moved(9))),
        ("subtitles_jpeg", "subtitles", d.MESSENGER),
        ("dark_blur", "white_on_dark", d.blurred(1.2)),
        ("numbers_half", "numbers", d.scaled(0.6)),
        ("serials_jpeg", "serials", d.jpeg(12)),
        ("sizes_half", "sizes", d.scaled(0.7)),
        ("contents_scan", "contents", d.chain(d.turned(-2), d.noisy(15), d.jpeg(40))),
        ("vertical_japanese_blur", "vertical_japanese", d.blurred(1.2)),
        ("japanese_blur", "japanese", d.blurred(1.5)),
        ("japanese_jpeg", "japanese_small", d.jpeg(20)),
        ("japanese_turned90", "japanese", d.turned(90)),
        ("chinese_photo", "chinese", d.photo(1)),
        ("chinese_half", "chinese", d.scaled(0.6)),
        ("french_jpeg", "french", d.jpeg(10)),
        ("german_blur", "german", d.blurred(1.2)),
        ("spanish_turned5", "spanish", d.turned(5)),
        ("polish_half", "polish", d.scaled(0.6)),
        ("greek_blur", "greek_capitals", d.blurred(1.5)),
        ("manual_scan", "groff_manual", d.chain(d.thin, d.turned(0.7), d.noisy(10))),
        ("paper_photo", "groff_paper", d.photo(1)),
        ("paper_scan", "groff_paper", d.chain(d.two_level(170), d.turned(-0.6))),
    )
}


def seed(name: str) -> int:
    """Every kind has texts of its own, the same at each run."""
    return zlib.crc32(name.encode())


def shot(sheet: Sheet, folder: Path) -> np.ndarray:
    """A sheet as chromium shows it, UINT8 [h, w, 3], blue first."""
    source, picture = folder / "sheet.html", folder / "sheet.png"
    source.write_text(
        f"<!doctype html><meta charset=utf-8><style>{STYLE}{sheet.css}</style>{sheet.body}", "utf-8"
    )
    subprocess.run(
        [
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--force-device-scale-factor=1",
            f"--user-data-dir={folder / 'browser'}",
            f"--window-size={sheet.size[0]},{sheet.size[1] + BARS}",
            f"--screenshot={picture}",
            source.as_uri(),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    pixels = cv2.imread(str(picture), cv2.IMREAD_COLOR)
    assert pixels is not None
    return np.asarray(pixels[: sheet.size[1]])


def set_by_groff(source: str, dpi: int, folder: Path) -> np.ndarray:
    """A manuscript's first page, cut to its ink: UINT8 [h, w, 3], blue first."""
    printed, picture = folder / "page.ps", folder / "page.png"
    command = ["groff", "-t", "-ms", "-Tps", "-K", "utf8"]
    printed.write_bytes(
        subprocess.run(command, input=source.encode(), check=True, capture_output=True).stdout
    )
    options = ["-q", "-dBATCH", "-dNOPAUSE", "-dLastPage=1", "-sDEVICE=pnggray", f"-r{dpi}"]
    options += ["-dTextAlphaBits=4", "-dGraphicsAlphaBits=4", f"-sOutputFile={picture}"]
    subprocess.run(["gs", *options, str(printed)], check=True, capture_output=True)
    pixels = cv2.imread(str(picture), cv2.IMREAD_COLOR)
    assert pixels is not None
    rows, columns = (np.flatnonzero((pixels < 200).any((axis, 2))) for axis in (1, 0))
    top, left = max(0, rows[0] - 24), max(0, columns[0] - 24)
    return np.asarray(pixels[top : rows[-1] + 24, left : columns[-1] + 24])


def clean(name: str, text_seed: int, folder: Path) -> tuple[np.ndarray, Sequence[str]]:
    """A page before any damage, and its truth."""
    if name in MANUSCRIPTS:
        manuscript = MANUSCRIPTS[name](Writer(text_seed))
        return set_by_groff(manuscript.source, manuscript.dpi, folder), manuscript.lines
    sheet = SHEETS[name](Writer(text_seed))
    return shot(sheet, folder), sheet.lines


def write(pixels: np.ndarray, name: str, damaged: bool) -> str:
    """The page's file: a palette PNG where that loses little, or else WebP of quality 90.

    Returns:
        Its name.
    """
    image = Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
    for old in PAGES.glob(f"{name}.*"):
        old.unlink()
    few = image.quantize(32, dither=Image.Dither.NONE)
    difference = np.abs(np.asarray(few.convert("RGB"), np.int16) - np.asarray(image)).max()
    if difference <= 24 and not damaged:
        few.save(PAGES / f"{name}.png", optimize=True)
        return f"{name}.png"
    image.save(PAGES / f"{name}.webp", quality=90, method=6)
    return f"{name}.webp"


def make(name: str, folder: Path) -> dict[str, object]:
    """Draws one kind.

    Returns:
        Its entry in the truth.
    """
    known = DAMAGED.get(name)
    pixels, lines = clean(known.sheet if known else name, seed(name), folder)
    if known:
        pixels = known.damage(pixels, np.random.default_rng(seed(name)))
    file = write(pixels, name, known is not None)
    return {"name": name, "file": file, "typeset": known is None, "lines": list(lines)}


def main(
    only: Annotated[list[str] | None, typer.Option(help="Kinds to draw; else all.")] = None,
) -> None:
    """Draw the kinds' pages and write their truth."""
    names = [*SHEETS, *MANUSCRIPTS, *DAMAGED]
    PAGES.mkdir(exist_ok=True)
    known = {each["name"]: each for each in json.loads(TRUTH.read_text("utf-8"))} if only else {}
    with tempfile.TemporaryDirectory() as folder:
        for name in only or names:
            known[name] = make(name, Path(folder))
            typer.echo(name, err=True)
    listed = [known[name] for name in names if name in known]
    TRUTH.write_text(json.dumps(listed, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    typer.run(main)
