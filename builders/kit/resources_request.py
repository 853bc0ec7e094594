"""The largest request: a file that somebody gives, or a page of text as large as a scan."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from builders.kit.family import Array

WIDTH, HEIGHT = 4000, 3000
"""A page scanned at about 350 dots an inch, or a photograph of 12 megapixels."""

STATED = f"a page of text of {WIDTH}x{HEIGHT} pixels"


class RequestError(ValueError):
    """There is no request for a pipeline; the message says what to give."""


def first_input(config: Any, file: Path | None) -> tuple[str, Array, str]:
    """The first input of a pipeline for its largest request.

    Args:
        config: the pipeline's ``ModelConfig``.
        file: what the first input holds, or None for :data:`STATED`.

    Returns:
        The input's name, its bytes (UINT8 [-1]), and in words what it is.

    Raises:
        RequestError: the file cannot be read, or none was given to a pipeline that does not
            take one.
    """
    tensor = config.input[0]
    takes_file = tensor.data_type == 2 and list(tensor.dims) == [-1]  # TYPE_UINT8
    if not takes_file:
        raise RequestError(
            f"the first input of '{config.name}', '{tensor.name}', holds no file: its size cannot "
            f"be measured; leave '{config.name}' out: --request PIPELINE=FILE for the others"
        )
    if file is None:
        return tensor.name, np.frombuffer(page_of_text(), np.uint8), STATED
    try:
        return tensor.name, np.frombuffer(file.read_bytes(), np.uint8), _shown(file.name)
    except OSError as error:
        raise RequestError(f"cannot read {file}: {error.strerror}") from error


def page_of_text() -> bytes:
    """Lines of text in two columns, as PNG."""
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(48)
    for row in range(40):
        for left in (150, 2100):
            draw.text(
                (left, 120 + row * 70),
                f"Line {row:02d} of a large page of text, which is as full as a page gets.",
                "black",
                font,
            )
    held = io.BytesIO()
    page.save(held, "PNG", compress_level=1)
    return held.getvalue()


def _shown(name: str) -> str:
    return name if name.isprintable() else ascii(name)
