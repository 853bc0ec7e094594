"""Tables through the built pipeline: what stands in a cell stays in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

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
