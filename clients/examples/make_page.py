"""Renders the sample page, ``page.png``, and writes its lines, ``page.txt``.

``python -m clients.examples.make_page``
"""

from pathlib import Path

from PIL import Image

from clients.ocr.printed import Printed, print_page

HEADING = "The Harbour Gazette"
LEFT = (
    "Ferry timetable changes",
    "From 1 December the ferry to",
    "Northport leaves at 06:45 and",
    "17:30. The crossing takes 42",
    "minutes. Tickets cost 8.50 and",
    "are sold on board.",
    "Bicycles travel free of charge",
    "outside the rush hours.",
)
RIGHT = (
    "Market on Saturday",
    "More than sixty stalls will",
    "open on the old pier. Bread,",
    "fish and flowers from 8 a.m.",
    "Parking is limited: please",
    "take bus 14 or 27 instead.",
    "Contact: market@harbour.example",
    "Telephone 0555 010 220",
)


def main() -> None:
    """Writes both beside this file: two columns, scanned a little askew; lines as they are read."""
    lines = [Printed((250, 36), HEADING, 42, 15)]
    lines += [
        Printed((left, 130 + 48 * number), line, 22 if number else 27, 25)
        for left, column in ((70, LEFT), (490, RIGHT))
        for number, line in enumerate(column)
    ]
    turned = print_page((900, 560), lines, 250).rotate(1.5, Image.Resampling.BICUBIC, fillcolor=250)
    turned.save(Path(__file__).with_name("page.png"), optimize=True)
    text = "".join(f"{line}\n" for line in (HEADING, *LEFT, *RIGHT))
    Path(__file__).with_name("page.txt").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
