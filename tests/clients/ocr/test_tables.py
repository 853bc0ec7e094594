"""Tables and Markdown from lines whose layout is known."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.ocr.client import Line
from clients.ocr.markdown import markdown
from clients.ocr.tables import Cell, cells


def line(text: str, left: float, top: float, width: float | None = None, size: float = 20) -> Line:
    right, bottom = left + (width or len(text) * size / 2), top + size
    return Line(text, ((left, top), (right, top), (right, bottom), (left, bottom)), 1.0)


def turned(lines: Sequence[Line], degrees: float) -> list[Line]:
    angle = np.radians(degrees)
    turn = np.array(((np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))))
    return [
        Line(each.text, tuple((float(x), float(y)) for x, y in np.array(each.box) @ turn), 1.0)
        for each in lines
    ]


def table(rows: Sequence[Sequence[str]], top: float = 100, pitch: float = 34) -> list[Line]:
    """Cells at x 40, 300, 420, 600; empty ones are no lines."""
    return [
        line(text, left, top + pitch * number)
        for number, row in enumerate(rows)
        for text, left in zip(row, (40, 300, 420, 600), strict=False)
        if text
    ]


def placed(lines: Sequence[Line]) -> dict[str, tuple[int, int, int] | None]:
    return {
        each.text: (cell.table, cell.row, cell.column) if cell else None
        for each, cell in zip(lines, cells(lines), strict=True)
    }


INVOICE = [
    ("Item", "Qty", "Unit price", "Amount"),
    ("Whole milk 1 L", "2", "1.19", "2.38"),
    ("Dish soap", "3", "0.95", "2.85"),
]


@pytest.mark.parametrize("degrees", [0, 4, 90, 180, -90])
def test_a_table_is_found_whichever_way_the_page_lies(degrees: float) -> None:
    found = [
        line("Brightwater Ltd.", 30, 20, size=34),
        line("Invoice no. 417", 600, 22),
        line("Bill to: Harmon & Sons, 8 Dock Lane, Portsea", 30, 70),
        *table(INVOICE),
        line("Subtotal: 5.23", 560, 230),
        line("Please pay within 14 days.", 30, 290),
    ]
    places = placed(turned(found, degrees))
    for number, row in enumerate(INVOICE):
        for column, text in enumerate(row):
            assert places[text] == (0, number, column), text
    others = ("Brightwater Ltd.", "Invoice no. 417", "Subtotal: 5.23")
    assert [places[text] for text in others] == [None] * 3


def test_a_tight_table_whose_boxes_lean_is_one() -> None:
    """By two degrees too few or too many, as boxes of short words do."""
    lines = turned(table([*INVOICE, *INVOICE, *INVOICE], pitch=21), 2)
    upright = [line(each.text, *each.box[0], each.box[1][0] - each.box[0][0]) for each in lines]
    for found in (lines, upright):
        assert [cell.row for cell in cells(found) if cell] == [k for k in range(9) for _ in "abcd"]


def test_a_receipt_is_a_table_of_two_columns() -> None:
    bought = [(f"Article number {k}" + "x" * (k % 5), f"{k}.50") for k in range(1, 9)]
    lines = [each for k, row in enumerate(bought) for each in table([row], 100 + 30 * k)]
    assert [placed(lines)[price] for _, price in bought] == [(0, k, 1) for k in range(8)]


def test_empty_cells_leave_the_others_in_their_columns() -> None:
    rows = [("a1", "b1", "c1", "d1"), ("a2", "", "c2", ""), ("", "b3", "", "d3"), INVOICE[1]]
    places = placed(table(rows))
    assert places["c2"] == (0, 1, 2) and places["b3"] == (0, 2, 1) and places["d3"] == (0, 2, 3)
    assert "| a2 |  | c2 |  |\n|  | b3 |  | d3 |" in markdown(table(rows))


def test_a_cell_of_several_lines_is_one_row() -> None:
    lines = table(INVOICE, pitch=60)
    lines.insert(8, line("half fat", 40, 100 + 60 + 23))
    assert placed(lines)["half fat"] == (0, 1, 0)
    assert "| Whole milk 1 L<br>half fat | 2 | 1.19 | 2.38 |" in markdown(lines)


@pytest.mark.parametrize("pitch", [34, 60])
def test_lines_of_a_ruled_tables_cells_are_told_from_its_rows(pitch: float) -> None:
    """Rows have little more paper between them than lines; the last cell has lines of its own."""
    lines, top = table([("Name", "Address", "Notes")]), 100.0
    for name, *cells_of in (
        ("Harmon", "8 Dock Lane", "Portsea", "PO4"),
        ("Oxley", "3 Quay", "Jarrow"),
    ):
        top += pitch
        lines += [line(name, 40, top), line(cells_of[0], 300, top), line(f"Call {name}", 420, top)]
        for text in cells_of[1:]:
            top += 22
            lines += [line(text, 300, top)]
    assert markdown(lines).splitlines()[2:] == [
        "| Harmon | 8 Dock Lane<br>Portsea<br>PO4 | Call Harmon |",
        "| Oxley | 3 Quay<br>Jarrow | Call Oxley |",
    ]


def test_rows_with_empty_cells_are_not_joined_where_a_table_has_a_gap() -> None:
    rows = [("a1", "b1", "c1", "d1"), ("a2", "b2", "c2", "d2"), ("a3", "", "c3", "")]
    lines = [*table(rows, pitch=22), *table([("a4", "b4", "c4", "d4")], 180)]
    assert [placed(lines)[text] for text in ("c3", "d4")] == [(0, 2, 2), (0, 3, 3)]


def test_a_heading_between_two_tables_parts_them() -> None:
    """Others of its columns would fit, and their rows are close."""
    other = [("Month", "Rain", "Sun"), ("May", "31.2", "210"), ("June", "18.4", "245")]
    lines = [*table(INVOICE), line("South", 40, 222, size=28), *table(other, 278)]
    places = placed(lines)
    assert places["South"] is None
    assert (places["2.85"], places["245"]) == ((0, 2, 3), (1, 2, 2))
    assert "\n\n# South\n\n| Month |" in markdown(lines)


def test_a_head_over_two_columns_spans_them() -> None:
    """Centred over them, it reaches a little into the next cell's place, and into both of these."""
    seasons = [line("Region", 40, 66), line("Spring", 344, 66, 70), line("Autumn", 562, 66, 80)]
    heads = [line(text, left, 100, 50) for text, left in (("Rain", 300), ("Sun", 405))]
    heads += [line(text, left, 100, 50) for text, left in (("Ice", 520), ("Wind", 625))]
    rows = [
        line(f"{row}{k}", left, 134 + 34 * row, width)
        for row in range(3)
        for k, left, width in ((0, 40, 60), (1, 290, 50), (2, 400, 45), (3, 515, 50), (4, 620, 40))
    ]
    found = dict(zip([*seasons, *heads, *rows], cells([*seasons, *heads, *rows]), strict=True))
    assert [found[each] for each in seasons] == [
        Cell(0, 0, 0),
        Cell(0, 0, 1, columns=2),
        Cell(0, 0, 3, columns=2),
    ]
    assert found[rows[-1]] == Cell(0, 4, 4)


def test_code_with_two_comments_at_one_place_is_no_table() -> None:
    lines = [line("if not values:", 40, 40), line("total = 0", 60, 64), line("# a float", 240, 64)]
    lines += [
        line("count = 0", 60, 88),
        line("# an int", 240, 88),
        line("for x in values:", 40, 112),
    ]
    assert cells(lines) == [None] * 6
    assert "\ntotal = 0 \\# a float\ncount = 0 \\# an int\n" in markdown(lines)


def test_a_head_over_several_columns_stands_at_the_first_of_them() -> None:
    head = [line("Where", 40, 66), line("What was sold in spring", 310, 66, 380)]
    lines = [*head, *table(INVOICE)]
    places = placed(lines)
    assert places["What was sold in spring"] == (0, 0, 1) and places["Amount"] == (0, 1, 3)


def test_a_centred_head_belongs_to_the_numbers_that_stand_right_of_it() -> None:
    lines = [line("Item", 160, 60), line("Qty", 300, 60), line("Price", 420, 60, 60)]
    for row in range(4):
        top = 100 + 34 * row
        lines += [line(f"Article {row}", 40, top, 125), line(str(row), 340, top)]
        lines += [line(f"{row}.50", 500, top)]
    assert markdown(lines).splitlines()[:3] == [
        "| Item | Qty | Price |",
        "| --- | --- | --- |",
        "| Article 0 | 0 | 0.50 |",
    ]


def test_columns_of_prose_paragraphs_and_lists_are_no_tables() -> None:
    text = "The council voted on Tuesday to repair the bridge"
    prose = [line(text, x, 40 + 30 * k, 400) for x in (40, 480) for k in range(9)]
    assert cells(prose) == [None] * len(prose)
    listed = [each for k in range(5) for each in (line("•", 40, 40 * k, 9), line(text, 80, 40 * k))]
    numbers = [
        each for k in range(5) for each in (line(f"{k}.", 40, 40 * k), line(text, 80, 40 * k))
    ]
    assert cells(listed) == cells(numbers) == [None] * 10
    assert cells([line("Name", 40, 40), line("Date", 400, 40), line(text, 40, 80)]) == [None] * 3
    assert cells([]) == [] and markdown([]) == ""


def test_two_tables_are_told_apart() -> None:
    lines = [*table(INVOICE), line("And in the year before:", 40, 300), *table(INVOICE, 400)]
    found = [cell.table for cell in cells(lines) if cell]
    assert found == [0] * 12 + [1] * 12


def test_markdown_has_headings_by_size_paragraphs_and_tables() -> None:
    lines = [
        line("Brightwater Ltd.", 30, 10, size=40),
        line("Delivery", 30, 60, size=28),
        line("The goods leave our warehouse", 30, 100),
        line("in the north on Monday.", 30, 125),
        line("Please check them.", 30, 175),
        *table(INVOICE, 220),
    ]
    assert markdown(lines) == (
        "# Brightwater Ltd.\n\n## Delivery\n\n"
        "The goods leave our warehouse\nin the north on Monday.\n\nPlease check them.\n\n"
        "| Item | Qty | Unit price | Amount |\n| --- | --- | --- | --- |\n"
        "| Whole milk 1 L | 2 | 1.19 | 2.38 |\n| Dish soap | 3 | 0.95 | 2.85 |\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a | b * c_d", r"a \| b \* c\_d"),
        ("# 5 left", r"\# 5 left"),
        ("- 3 degrees", r"\- 3 degrees"),
        ("12. Berlin", r"12\. Berlin"),
        ("-3 and #4", "-3 and #4"),
        ("<b>[x](y)</b>", r"\<b\>\[x\](y)\</b\>"),
    ],
)
def test_markdown_escapes_what_it_would_take_for_its_own(text: str, expected: str) -> None:
    assert markdown([line(text, 30, 30)]) == expected + "\n"
    rows = markdown(table([("left", "right"), (text, "1"), ("end", "2")])).splitlines()
    assert len(rows) == 4 and all(len(re.findall(r"(?<!\\)\|", row)) == 3 for row in rows)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(min_size=1, max_size=12),
            st.integers(0, 900),
            st.integers(0, 900),
            st.integers(1, 400),
            st.integers(1, 60),
        ),
        max_size=25,
    )
)
def test_any_lines_have_an_answer_and_no_text_is_lost(
    drawn: list[tuple[str, int, int, int, int]],
) -> None:
    lines = [line(text, x, y, w, h) for text, x, y, w, h in drawn]
    found = cells(lines)
    assert len(found) == len(lines)
    tables = sorted({cell.table for cell in found if isinstance(cell, Cell)})
    assert tables == list(range(len(tables)))
    plain = re.sub(r"\s", "", markdown(lines).replace("\\", ""))
    for each in lines:
        assert re.sub(r"\s", "", each.text.replace("\\", "")) in plain
