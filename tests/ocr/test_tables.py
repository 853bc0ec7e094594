"""Tables and columns through the built pipeline: what stands in a cell stays in it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from perf.against.kinds import kinds, score

Read = Callable[..., dict[str, Any]]

PAGES = Path(__file__).parent / "pages"

ROWS = (
    ("Item", "Qty", "Unit price", "Amount"),
    ("Whole milk 1 L", "2", "1.19", "2.38"),
    ("Rye bread", "1", "3.45", "3.45"),
    ("Bananas loose", "0.86", "1.79", "1.54"),
    ("Ground coffee", "1", "6.99", "6.99"),
    ("Dish soap", "3", "0.95", "2.85"),
)


@pytest.fixture(scope="module")
def invoice(read: Read) -> dict[str, Any]:
    return read((PAGES / "invoice.png").read_bytes())


def test_an_invoices_cells_are_lines_of_their_own(invoice: dict[str, Any]) -> None:
    texts = [text.decode() for text in invoice["text"]]
    assert len(texts) == 32
    assert {cell for row in ROWS for cell in row} <= set(texts)
    width, height = Image.open(PAGES / "invoice.png").size
    boxes = invoice["boxes"]
    assert boxes.min() >= 0 and boxes[..., 0].max() <= width and boxes[..., 1].max() <= height
    # Those of the table have its rules at x 340, 454 and 679 between them.
    for rule in (340, 454, 679):
        within = (boxes[..., 1].min(1) > 120) & (boxes[..., 1].max(1) < 340)
        across = (boxes[..., 0].min(1) < rule - 2) & (boxes[..., 0].max(1) > rule + 2)
        assert not (within & across).any()


def test_a_table_is_read_row_by_row_and_the_sums_after_it(invoice: dict[str, Any]) -> None:
    texts = [text.decode() for text in invoice["text"]]
    cells = [cell for row in ROWS for cell in row]
    first = texts.index("Item")
    assert texts[first : first + len(cells)] == cells
    assert texts[-4:] == [
        *("Subtotal: 17.21", "VAT 20 %: 3.44", "Amount due: 20.65", "Please pay within 14 days.")
    ]


def test_a_title_over_three_columns_is_read_first(read: Read) -> None:
    texts = [text.decode() for text in read((PAGES / "newspaper3_rule.png").read_bytes())["text"]]
    starts = ("Morning Chronicle", "Our chess club", "begins. Work", "A rare blue heron")
    places = [next(k for k, text in enumerate(texts) if text.startswith(s)) for s in starts]
    assert places == [0, 1, 10, 20] and len(texts) == 29


@pytest.mark.sampled(1)
@pytest.mark.parametrize("name", ["invoice_photo", "table_turned90", "sidebar", "vertical_side"])
def test_kinds_that_were_read_out_of_order(read: Read, name: str) -> None:
    """Rows that lean, a rule's speck beside a cell, a menu, a margin."""
    (kind,) = kinds([name])
    text = "\n".join(line.decode() for line in read(kind.path.read_bytes())["text"])
    assert score.in_order(kind.text, text) == 0


def test_a_column_of_two_lines_is_read_after_the_one_beside_it(read: Read) -> None:
    left = [f"Line {k} of the column that fills the page" for k in range(1, 9)]
    right = ["This one has two lines, both", "of which come after the first."]
    image = Image.new("L", (1100, 400), 255)
    pen, face = ImageDraw.Draw(image), ImageFont.load_default(24)
    for x, column in ((40, left), (600, right)):
        for number, line in enumerate(column):
            pen.text((x, 40 + 38 * number), line, 0, face)
    held = io.BytesIO()
    image.save(held, "PNG")
    assert [text.decode() for text in read(held.getvalue())["text"]] == left + right


@pytest.mark.slow
def test_a_long_chat_is_read_in_turn_as_it_comes(read: Read) -> None:
    """A screenshot of 1080 x 9940 at the default settings, its messages right and left."""
    sentence = "the heron came back to the old stone bridge every spring before the ferry left"
    words = sentence.split()
    image = Image.new("L", (1080, 9940), 255)
    pen, face, small = ImageDraw.Draw(image), ImageFont.load_default(34), ImageFont.load_default(24)
    said, top = [], 30
    for number in range(48):
        left = 300 if number % 2 else 40
        for line in range(1 + number % 4):
            text = " ".join(words[(number + 3 * line + k) % len(words)] for k in range(5))
            pen.text((left, top), f"{number} {text}", 0, face)
            said.append(f"{number} {text}")
            top += 44
        pen.text((left + 620, top), f"{10 + number % 13}:{10 + number}", 90, small)
        said.append(f"{10 + number % 13}:{10 + number}")
        top += 84
    assert 8000 < top < 9940
    held = io.BytesIO()
    image.save(held, "PNG")
    text = "\n".join(line.decode() for line in read(held.getvalue())["text"])
    truth = "\n".join(said)
    assert score.in_order(truth, text) <= 0.005 * score.characters(truth)
