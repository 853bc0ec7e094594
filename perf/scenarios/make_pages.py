"""Renders the pages of the ``ocr`` scenario: ``python perf/scenarios/make_pages.py``."""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from perf.ocr import LINES

HERE = Path(__file__).parent
NOTICE = ("PLEASE NOTE", "The lift is out of order.", "Use the stairs in wing B.")


def letter() -> Image.Image:
    """A typed letter of 14 lines, 1000 x 700 pixels."""
    page = Image.new("L", (1000, 700), 255)
    pen = ImageDraw.Draw(page)
    for number, line in enumerate(LINES):
        pen.text((60, 30 + 47 * number), line, fill=20, font=ImageFont.load_default(26))
    return page


def notice() -> Image.Image:
    """A notice of three lines, 800 x 400 pixels, in colour and a little askew."""
    page = Image.new("RGB", (800, 400), (244, 236, 205))
    pen = ImageDraw.Draw(page)
    for number, line in enumerate(NOTICE):
        font = ImageFont.load_default(60 if number == 0 else 40)
        pen.text((90, 60 + 105 * number), line, fill=(40, 30, 90), font=font)
    return page.rotate(-2, Image.Resampling.BICUBIC, fillcolor=(244, 236, 205))


def main() -> None:
    """Writes them beside this file."""
    letter().save(HERE / "letter.png", optimize=True)
    notice().save(HERE / "notice.jpg", quality=85)


if __name__ == "__main__":
    main()
