"""The commands ``find`` and ``similar``. They import nothing heavy before they run."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clients.cli.exit import failed, wrong_address
from clients.cli.options import Patience, Timeout, Url
from clients.connection.bounds import PATIENCE

if TYPE_CHECKING:
    from clients.vision.client import Vector, VisionClient

_Images = Annotated[
    Path,
    typer.Option(help="The folder of images; those in folders below it are looked at too."),
]
_Top = Annotated[int, typer.Option(min=1, help="How many images to print, the best first.")]
_AtOnce = Annotated[
    int, typer.Option(min=1, max=64, help="How many images are sent at the same time.")
]
_Json = Annotated[
    bool, typer.Option("--json", help="Print the file and the likeness of each image as JSON.")
]


@dataclass(frozen=True)
class _Options:
    """What both commands are told."""

    folder: Path
    top: int
    as_json: bool
    at_once: int
    url: str
    timeout: float
    patience: float


def find(
    text: Annotated[str, typer.Argument(help="What the images should show.")],
    images: _Images,
    top: _Top = 10,
    as_json: _Json = False,
    at_once: _AtOnce = 4,
    url: Url = "127.0.0.1:8001",
    timeout: Timeout = 60.0,
    patience: Patience = PATIENCE,
) -> None:
    """Find the images in a folder that fit a text, by the pipelines `vision` and `vision_text`.

    Each line has the likeness, -1 to 1, and the file. A file that is not an image is named, and
    skipped.
    """
    options = _Options(images, top, as_json, at_once, url, timeout, patience)
    _search(lambda client: client.text(text), options)


def similar(
    image: Annotated[Path, typer.Argument(help="A JPEG, PNG, WebP, TIFF, BMP or GIF file.")],
    images: _Images,
    top: _Top = 10,
    as_json: _Json = False,
    at_once: _AtOnce = 4,
    url: Url = "127.0.0.1:8001",
    timeout: Timeout = 60.0,
    patience: Patience = PATIENCE,
) -> None:
    """Find the images in a folder that are like an image, by the pipeline `vision`.

    Each line has the likeness, -1 to 1, and the file. A file that is not an image is named, and
    skipped.
    """
    file = _content(image)
    options = _Options(images, top, as_json, at_once, url, timeout, patience)
    _search(lambda client: client.image(file), options)


def _content(file: Path) -> bytes:
    """The content of the image that is looked for.

    Raises:
        typer.Exit: it cannot be read; it was said why.
    """
    from clients.vision.search import MAXIMUM_BYTES
    from repository.files.bounded_file import Unreadable, read_bounded

    try:
        return read_bounded(file, MAXIMUM_BYTES)
    except Unreadable as problem:
        raise failed(f"cannot read {problem}") from problem


def _search(wanted: Callable[[VisionClient], Vector], options: _Options) -> None:
    """Looks through a folder and prints what fits best, as the options say.

    Args:
        wanted: asks for the vector that is looked for.
        options: the command's.

    Raises:
        typer.Exit: it could not be done, or there was no image; it was said why.
    """
    from clients.cli.listening import StatusLine
    from clients.connection.address import AddressError
    from clients.connection.errors import RequestError
    from clients.vision.client import VisionClient
    from clients.vision.search import best, files_in, look
    from repository.findings import printable

    folder = options.folder
    try:
        files = files_in(folder)
    except OSError as problem:
        raise failed(f"cannot read {folder}: {problem.strerror or problem}") from problem
    if not files:
        raise failed(f"{folder}: expected images, found no file; name another folder")
    status = StatusLine()
    try:
        with (
            closing(status),
            VisionClient(options.url, options.timeout, options.patience, status.show) as client,
        ):
            seen = look(
                client,
                wanted(client),
                files,
                options.at_once,
                lambda count: status.show(f"{count} of {len(files)} files"),
            )
    except AddressError as problem:
        raise wrong_address(problem) from problem
    except RequestError as problem:
        raise failed(str(problem)) from problem
    for each in seen:
        if each.skipped:
            typer.echo(f"skipped {printable(str(each.file))}: {each.skipped}", err=True)
    found = best(seen, options.top)
    if not found:
        raise failed(f"{folder}: expected images, found none among {len(files)} files")
    if options.as_json:
        rows = [{"file": str(each.file), "likeness": each.likeness} for each in found]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for each in found:
        typer.echo(f"{each.likeness:6.3f}  {printable(str(each.file))}")
