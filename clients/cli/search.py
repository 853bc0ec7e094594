"""The commands ``find`` and ``similar``. They import nothing heavy before they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clients.cli.options import Patience, Timeout, Url
from clients.connection.bounds import PATIENCE

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
    from clients.cli.searched import search

    search(
        lambda client: client.text(text),
        images,
        top=top,
        as_json=as_json,
        at_once=at_once,
        url=url,
        timeout=timeout,
        patience=patience,
    )


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
    from clients.cli.searched import read_image, search

    file = read_image(image)
    search(
        lambda client: client.image(file),
        images,
        top=top,
        as_json=as_json,
        at_once=at_once,
        url=url,
        timeout=timeout,
        patience=patience,
    )
