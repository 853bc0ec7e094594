# ruff: noqa: RUF001 (letters of several scripts)
"""How often lines of each score are right: ``python -m perf.against.rapidocr.scores``.

Every kind of :mod:`perf.against.kinds` is read in process. So are pages in scripts that the
recogniser does not know. A line is right if the page's text has it, character by character.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image, ImageDraw

from perf.against.bench import Repository, machine, write
from perf.against.kinds import UNKNOWN_SCRIPTS, kinds, score
from perf.against.pages.drawn import MONO, SANS, SANS_BOLD, SERIF, Page, font
from perf.against.rapidocr.readers import ReadScored, scoring_pipeline
from perf.paths import REPOSITORY, RESULTS

BANDS = (0.95, 0.9, 0.8, 0.5, 0.0)
"""The lower ends of the bands of scores."""

CERTAIN = BANDS[0]

UNKNOWN = {
    "Vietnamese": (
        "Cuộc họp bắt đầu lúc chín giờ sáng.",
        "Những quyển sách cũ nằm trên bàn gỗ.",
        "Trời mưa suốt cả tuần ở phía bắc.",
        "Người dân được mời đến thư viện mới.",
        "Giá vé tàu đã tăng từ tháng trước.",
        "Bữa sáng gồm phở và cà phê sữa đá.",
    ),
    "Russian": (
        "Поезд отправляется в девять утра.",
        "Старые книги лежат на деревянном столе.",
        "Жителей приглашают в новую библиотеку.",
    ),
    "Ukrainian": (
        "Зустріч почнеться о дев’ятій ранку.",
        "Їхні діти вчаться в місті на півдні.",
    ),
    "Greek with accents": (
        "Η συνάντηση αρχίζει στις εννέα το πρωί.",
        "Τα παλιά βιβλία είναι πάνω στο τραπέζι.",
    ),
    "Armenian": ("Ժողովը սկսվում է առավոտյան իննին", "Հին գրքերը փայտե սեղանի վրա են"),
    "Georgian": ("შეხვედრა იწყება დილის ცხრა საათზე", "ძველი წიგნები ხის მაგიდაზეა"),
}
"""Sentences of our own with letters that the recogniser does not know, and DejaVu does."""

FACES = ((SANS, 18), (SANS, 28), (SERIF, 24), (SANS_BOLD, 22), (MONO, 20))
"""Each script is drawn in these faces and sizes."""


@dataclass(frozen=True)
class Scored:
    """A line that was read.

    Attributes:
        page: the page's name.
        text: what was read.
        score: as the pipeline gives it.
        right: the page has this text.
    """

    page: str
    text: str
    score: float
    right: bool


def unknown_pages(faces: Sequence[tuple[str, int]] = FACES) -> Iterator[Page]:
    """A page for every script of :data:`UNKNOWN` in each face and size."""
    for script, lines in UNKNOWN.items():
        for face, size in faces:
            image = Image.new("RGB", (60 + 26 * size, 2 * size * (len(lines) + 1)), "white")
            pen = ImageDraw.Draw(image)
            for number, line in enumerate(lines):
                place = (30, size + 2 * size * number)
                pen.text(place, line, fill=(20, 20, 20), font=font(face, size))
            yield Page(f"{script}, {face} {size}", script, image, lines)


def is_right(truth: str, line: str) -> bool:
    """Whether a text has a line: all of its words, one after the other, and none cut.

    Compatible forms are one (NFKC), and white space is a space; a word may be cut after a hyphen,
    as at a line's end.
    """
    expected, found = (
        f" {' '.join(score.words(text.replace('-', '- ')))} " for text in (truth, line)
    )
    return found in expected


def scored(pages: Sequence[tuple[str, str, bytes]], read: ReadScored) -> list[Scored]:
    """All lines of the pages: (name, true text, encoded file) each."""
    return [
        Scored(name, text, value, is_right(truth, text))
        for name, truth, encoded in pages
        for text, value in read(encoded)
    ]


EVEN, ODD = slice(0, None, 2), slice(1, None, 2)
"""Which kinds, of all in their order: the score was chosen on the even ones."""


def known(only: Sequence[str] = (), part: slice = slice(None)) -> list[tuple[str, str, bytes]]:
    """The page kinds in scripts that the recogniser knows: some of those named, or of all."""
    return [
        (kind.name, kind.text, kind.path.read_bytes())
        for kind in kinds(only)[part]
        if kind.name not in UNKNOWN_SCRIPTS
    ]


def unknown(faces: Sequence[tuple[str, int]] = FACES) -> list[tuple[str, str, bytes]]:
    """The pages of :func:`unknown_pages`."""
    return [(page.name, page.text, page.png()) for page in unknown_pages(faces)]


def in_band(lines: Sequence[Scored], low: float) -> list[Scored]:
    """The lines in the band of :data:`BANDS` that begins at ``low``."""
    place = BANDS.index(low)
    high = BANDS[place - 1] if place else 2.0
    return [line for line in lines if low <= line.score < high]


def share_right(lines: Sequence[Scored]) -> float:
    """The part of lines that are right; 1 for no lines."""
    return sum(line.right for line in lines) / len(lines) if lines else 1.0


def table(parts: Mapping[str, Sequence[Scored]]) -> str:
    """How many lines are in each band, and how many of those are right, as Markdown."""
    rows = ["| scores | " + " | ".join(parts) + " |", "|---" * (len(parts) + 1) + "|"]
    for low in BANDS:
        high = BANDS[BANDS.index(low) - 1] if low != BANDS[0] else 1.0
        cells = []
        for lines in parts.values():
            own = in_band(lines, low)
            cells.append(f"{len(own)}, {100 * share_right(own):.1f} % right" if own else "none")
        rows.append(f"| {low:.2f} to {high:.2f} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def main(
    repository: Repository = REPOSITORY,
    only: Annotated[list[str] | None, typer.Option(help="Kinds to read; else all.")] = None,
    wrong: Annotated[bool, typer.Option(help="Show the wrong lines of the highest band.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for ocr_scores.md.")] = None,
) -> None:
    """Show how often lines of each score are right.

    The figures are written where all kinds are read, or where a folder is named.
    """
    read = scoring_pipeline(repository)
    halves = [known(only or (), part) for part in (EVEN, ODD)]
    parts = {
        "even kinds": scored(halves[0], read),
        "odd kinds": scored(halves[1], read),
        "scripts that the recogniser does not know": scored(unknown(), read),
    }
    text = table(parts)
    folder = out or (None if only else RESULTS)
    if folder:
        closing = f"Lines of {sum(map(len, halves))} page kinds, read on {machine()}.\n"
        write(folder, "ocr_scores", f"{text}\n{closing}")
    typer.echo(text)
    for part in parts.values() if wrong else ():
        for line in in_band(part, CERTAIN):
            if not line.right:
                typer.echo(f"{line.score:.3f}  {line.page}: {line.text}")


if __name__ == "__main__":
    typer.run(main)
