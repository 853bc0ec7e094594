"""The command ``ocr``. It imports nothing heavy before it runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from clients.cli.options import Patience, Timeout, Url
from clients.connection.bounds import PATIENCE


def ocr(
    page: Annotated[Path, typer.Argument(help="A JPEG, PNG, WebP, TIFF, BMP, GIF or PDF file.")],
    draw: Annotated[
        Path | None,
        typer.Option(
            help="Write the page with boxes and text to this image file; "
            "several pages go to files with their numbers in the name."
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print text, box, score and cell of each line as JSON."),
    ] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the page as Markdown, tables in pipes.")
    ] = False,
    url: Url = "127.0.0.1:8001",
    model: Annotated[str, typer.Option(help="The pipeline: ocr, or ocr_bls.")] = "ocr",
    minimum_score: Annotated[
        float | None,
        typer.Option(help="Leave out lines with a lower score, 0 to 1; by default 0.5."),
    ] = None,
    maximum_side: Annotated[
        int | None,
        typer.Option(
            min=64,
            max=4096,
            help="Longest side, in pixels, at which text is looked for; else 2000, and longer "
            "pages in tiles.",
        ),
    ] = None,
    orientation: Annotated[
        bool | None, typer.Option(help="Find out which way up the page is.")
    ] = None,
    page_number: Annotated[
        list[str] | None,
        typer.Option(
            "--page",
            metavar="NUMBER",
            help="Read this page of the file, as 2, or these, as 2-5; may be given again.",
        ),
    ] = None,
    font: Annotated[
        Path | None, typer.Option(help="Font file for --draw, for scripts such as Chinese.")
    ] = None,
    timeout: Timeout = 60.0,
    patience: Patience = PATIENCE,
) -> None:
    """Read the text of a page: its lines in reading order, with boxes and confidences.

    The pages of a TIFF or PDF are read one after the other. If one is refused, the pages before it
    are printed first.
    """
    if as_json and as_markdown:
        raise typer.BadParameter("choose one of --json and --markdown")
    numbers = _numbers(page_number) if page_number else None
    options = {
        "minimum_score": minimum_score,
        "maximum_side": maximum_side,
        "orientation": orientation,
        "pages": numbers,
    }
    from clients.cli.read import read

    read(
        page,
        options,
        draw=draw,
        font=font,
        as_json=as_json,
        as_markdown=as_markdown,
        url=url,
        model=model,
        timeout=timeout,
        patience=patience,
    )


_PAGES = re.compile(r"([1-9][0-9]{0,8})(?:-([1-9][0-9]{0,8}))?")

_MOST_PAGES = 100_000
"""That a file is asked for at once: more than any file that the server or PDFium reads has."""


def _numbers(given: Sequence[str]) -> list[int]:
    """The pages that are named."""
    numbers: set[int] = set()
    for each in given:
        found = _PAGES.fullmatch(each.strip())
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not first <= last < first + _MOST_PAGES:
            raise typer.BadParameter(
                f"expected a page's number from 1, as 2, or a first and a last one, as 2-5, "
                f"found '{each}'",
                param_hint="--page",
            )
        numbers.update(range(first, last + 1))
    return sorted(numbers)
