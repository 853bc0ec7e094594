"""Renders the requests of the family ``ocr``: ``python -m perf.scenarios.make_pages``."""

from pathlib import Path

from PIL import Image

from clients.ocr.printed import Printed, print_page
from perf.against.rapidocr.speed import letter

HERE = Path(__file__).parents[2] / "builders/ocr/requests"
NOTICE = ("PLEASE NOTE", "The lift is out of order.", "Use the stairs in wing B.")


def notice() -> Image.Image:
    """A notice of three lines, 800 x 400 pixels, in colour and a little askew."""
    lines = (
        Printed((90, 60 + 105 * row), line, 40 if row else 60, (40, 30, 90))
        for row, line in enumerate(NOTICE)
    )
    page = print_page((800, 400), lines, (244, 236, 205))
    return page.rotate(-2, Image.Resampling.BICUBIC, fillcolor=(244, 236, 205))


def main() -> None:
    """Writes them into the family's folder."""
    letter(255, 20).save(HERE / "letter.png", optimize=True)
    notice().save(HERE / "notice.jpg", quality=85)


if __name__ == "__main__":
    main()
