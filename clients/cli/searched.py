"""What the commands ``find`` and ``similar`` do: a folder's images, the best first."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import typer

from clients.cli.exit import failed, wrong_address
from clients.cli.listening import StatusLine
from clients.connection.address import AddressError
from clients.connection.errors import RequestError
from clients.vision.client import Vector, VisionClient
from clients.vision.search import MAXIMUM_BYTES, best, files_in, look
from repository.files.bounded_file import Unreadable, read_bounded


def read_image(file: Path) -> bytes:
    """The content of the image that is looked for.

    Raises:
        typer.Exit: it cannot be read; it was said why.
    """
    try:
        return read_bounded(file, MAXIMUM_BYTES)
    except Unreadable as problem:
        raise failed(f"cannot read {problem}") from problem


def search(
    wanted: Callable[[VisionClient], Vector],
    folder: Path,
    *,
    top: int,
    as_json: bool,
    at_once: int,
    url: str,
    timeout: float,
    patience: float,
) -> None:
    """Looks through a folder and prints what fits best, as the options say.

    Args:
        wanted: asks for the vector that is looked for.
        folder: of the images.

    Raises:
        typer.Exit: it could not be done, or there was no image; it was said why.
    """
    try:
        files = files_in(folder)
    except OSError as problem:
        raise failed(f"cannot read {folder}: {problem.strerror or problem}") from problem
    if not files:
        raise failed(f"{folder}: expected images, found no file; name another folder")
    status = StatusLine()
    try:
        with closing(status), VisionClient(url, timeout, patience, status.show) as client:
            seen = look(
                client,
                wanted(client),
                files,
                at_once,
                lambda count: status.show(f"{count} of {len(files)} files"),
            )
    except AddressError as problem:
        raise wrong_address(problem) from problem
    except RequestError as problem:
        raise failed(str(problem)) from problem
    for each in seen:
        if each.skipped:
            typer.echo(f"skipped {each.file}: {each.skipped}", err=True)
    found = best(seen, top)
    if not found:
        raise failed(f"{folder}: expected images, found none among {len(files)} files")
    if as_json:
        rows = [{"file": str(each.file), "likeness": each.likeness} for each in found]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for each in found:
        typer.echo(f"{each.likeness:6.3f}  {each.file}")
