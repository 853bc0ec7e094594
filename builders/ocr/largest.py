"""The largest page that a server is sized for: one full of text, as large as a scan."""

from __future__ import annotations

WIDTH, HEIGHT = 4000, 3000
"""A page scanned at about 350 dots an inch, or a photograph of 12 megapixels."""


def page_of_text() -> bytes:
    """Lines of text in two columns, as PNG."""
    from clients.ocr.printed import Printed, as_png, print_page

    text = "Line {:02d} of a large page of text, which is as full as a page gets."
    lines = (
        Printed((left, 120 + row * 70), text.format(row), 48, "black")
        for row in range(40)
        for left in (150, 2100)
    )
    return as_png(print_page((WIDTH, HEIGHT), lines, "white"), compress_level=1)
