"""What the command ``ocr`` does: the pages of a file to text, JSON, Markdown or drawings."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import typer

from clients.cli.exit import failed, wrong_address
from clients.cli.listening import StatusLine
from clients.connection.address import AddressError
from clients.connection.errors import RequestError
from clients.ocr.client import Line, OcrClient
from clients.ocr.markdown import markdown
from clients.ocr.pdf import PdfError, is_pdf
from clients.ocr.tables import cells


def read(
    page: Path,
    options: Mapping[str, Any],
    *,
    draw: Path | None,
    font: Path | None,
    as_json: bool,
    as_markdown: bool,
    url: str,
    model: str,
    timeout: float,
    patience: float,
) -> None:
    """Reads the pages of a file and prints them, as the options of ``ocr`` say.

    Args:
        page: the file.
        options: of the request.

    Raises:
        typer.Exit: it could not be read; it was said why.
    """
    if draw is not None:
        _can_draw(draw, font)
    status = StatusLine()
    try:
        file = page.read_bytes()
    except OSError as problem:
        raise failed(f"cannot read {page}: {problem.strerror}") from problem
    lines: list[Line] = []
    refused: RequestError | PdfError | None = None
    try:
        with (
            closing(status),
            OcrClient(url, model, timeout, patience, status.show) as client,
            closing(_answers(client, file, options, draw is not None, status)) as answers,
        ):
            for answer in answers:
                lines += answer.lines
                if draw is not None:
                    status.clear()
                    _draw(draw, answer, font)
    except AddressError as problem:
        raise wrong_address(problem) from problem
    except (RequestError, PdfError) as problem:
        refused = problem
    if lines or not refused:
        _print(lines, as_json=as_json, as_markdown=as_markdown)
    if refused:
        raise failed(_by_options(str(refused))) from refused


_OPTIONS = {
    "only_pages": "--page",
    "minimum_score": "--minimum-score",
    "maximum_side": "--maximum-side",
}
"""The options, by the inputs of the server that they give."""


def _by_options(refusal: str) -> str:
    """A refusal of the server with the options' names, for someone who gave those."""
    return re.sub("|".join(_OPTIONS), lambda found: _OPTIONS[found[0]], refusal)


def _print(lines: list[Line], *, as_json: bool, as_markdown: bool) -> None:

    # Tables and paragraphs end with their page.
    pages = [list(own) for _, own in groupby(lines, lambda line: line.page)]
    if as_json:
        records = [
            {
                "text": line.text,
                "page": line.page,
                "box": line.box,
                "score": line.score,
                "cell": asdict(cell) if cell else None,
            }
            for own in pages
            for line, cell in zip(own, cells(own), strict=True)
        ]
        typer.echo(json.dumps(records, ensure_ascii=False, indent=2))
        return
    if as_markdown:
        typer.echo("\n".join(markdown(own) for own in pages), nl=False)
    else:
        last = lines[-1].page if lines else 1
        for line in lines:
            left, top = (min(corner[axis] for corner in line.box) for axis in (0, 1))
            right, bottom = (max(corner[axis] for corner in line.box) for axis in (0, 1))
            place = f"{left:5.0f},{top:<5.0f} {right:5.0f},{bottom:<5.0f}"
            page_of = f"page {line.page}  " if last > 1 else ""
            typer.echo(f"{page_of}{line.score:.2f}  {place} {line.text}")
    if not lines:
        typer.echo("no text found", err=True)


class _Answer(NamedTuple):
    """Lines, the pages that the server saw by their numbers, and whether more are asked for."""

    lines: list[Line]
    seen: dict[int, np.ndarray]
    several: bool


def _answers(
    client: OcrClient, file: bytes, options: Mapping[str, Any], drawn: bool, status: StatusLine
) -> Generator[_Answer]:
    """The pages of a TIFF or PDF one by one, any other image at once."""

    if is_pdf(file):
        with closing(client.read_pdf(file, **options)) as sheets:
            for done, sheet in enumerate(sheets, 1):
                seen = {sheet.number: client.seen(sheet.image)[1]} if drawn else {}
                yield _Answer(sheet.lines, seen, sheet.chosen > 1)
                _progress(status, done, sheet.chosen)
    elif file.startswith(_TIFF):
        with closing(client.read_pages(file, **options)) as pages:
            for done, page in enumerate(pages, 1):
                seen = client.seen(file, pages=[page.number]) if drawn else {}
                yield _Answer(page.lines, seen, page.chosen > 1)
                _progress(status, done, page.chosen)
    else:
        lines = client.read(file, **options)
        seen = client.seen(file, pages=options["pages"]) if drawn else {}
        yield _Answer(lines, seen, len(seen) > 1)


_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""The heads of TIFF 6.0 and of BigTIFF, in either order of bytes."""


def _progress(status: StatusLine, done: int, chosen: int) -> None:
    if chosen > 1:
        status.show(f"{done} of {chosen} pages read")


def _can_draw(to: Path, font: Path | None) -> None:
    """Ends with a sentence where a drawing could not be written, before any page is read."""
    from PIL import Image, ImageFont

    Image.init()
    if not to.parent.is_dir():
        raise failed(f"cannot draw {to}: found no folder {to.parent}; make it, or name another")
    if Image.registered_extensions().get(to.suffix.lower()) not in Image.SAVE:
        raise failed(
            f"cannot draw {to}: expected the name of an image, as out.png, "
            f"found the ending '{to.suffix}'"
        )
    if font is not None:
        try:
            ImageFont.truetype(font, 10)
        except OSError as problem:
            raise failed(
                f"cannot draw with the font {font}: expected a TrueType or OpenType file, "
                f"found {'none that can be read' if font.is_file() else 'no file'}"
            ) from problem


def _draw(to: Path, answer: _Answer, font: Path | None) -> None:
    from clients.ocr.draw import draw

    try:
        for number, pixels in answer.seen.items():
            own = [line for line in answer.lines if line.page == number]
            several = to.with_stem(f"{to.stem}-{number}")
            draw(pixels, own, font).save(several if answer.several else to)
    except (OSError, ValueError) as problem:
        raise failed(f"cannot draw {to}: {problem}") from problem
