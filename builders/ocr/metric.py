"""The gate of a build: characters read wrongly on a few rendered pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from clients.ocr.printed import Printed, as_png, print_page
from repository.arrays import Arrays

PAGES: tuple[tuple[int, tuple[str, ...]], ...] = (
    (
        0,
        (
            "Minutes of the harbour committee",
            "The meeting opened at 9:45 with eleven members present.",
            "Fees for boats under 12 metres rise by 3.5% in March.",
            "The lighthouse needs new lamps; three offers were read.",
            "Next meeting: Tuesday, 14 April 2026, room 207.",
        ),
    ),
    (
        180,
        (
            "Invoice 2048-77 of 30 June",
            "Twelve coils of rope, 8 mm, at 31.90 each",
            "Four lanterns with brackets, at 118.00 each",
            "Carriage and packing to the northern quay",
            "Total to be paid within fourteen days: 891.25",
        ),
    ),
    (
        3,
        (
            "Notice to all keepers",
            "Storms are expected from the west on Friday night.",
            "Secure loose gear, double the lines, check the pumps.",
            "Call 0351 778 214 if a mooring fails.",
        ),
    ),
)
"""Degrees counter-clockwise, and the page's lines."""


def character_error_rate(run: Callable[[Arrays], Arrays]) -> float:
    """Edits for each character of the pages' text, reading order included.

    Args:
        run: the pipeline: ``image`` -> ``text``.
    """
    from rapidfuzz.distance import Levenshtein

    edits = characters = 0
    for degrees, lines in PAGES:
        answer = run({"image": np.frombuffer(render(degrees, lines), np.uint8)})
        expected = normalised("\n".join(lines))
        read = normalised("\n".join(bytes(text).decode() for text in answer["text"]))
        edits += Levenshtein.distance(expected, read)
        characters += len(expected)
    return edits / characters


def normalised(text: str) -> str:
    """The text with single spaces, and none at its ends."""
    return re.sub(r"\s+", " ", text).strip()


def render(degrees: int, lines: Sequence[str]) -> bytes:
    """A page as a PNG file, in Pillow's own font."""
    printed = (Printed((36, 36 + 52 * number), line, 22, 30) for number, line in enumerate(lines))
    page = print_page((640, 60 + 52 * len(lines)), printed, 250)
    return as_png(page.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=250))
