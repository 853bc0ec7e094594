"""Reading order on layouts whose order is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.ocr.stages.reading.reading_order import reading_order

Box = tuple[float, float, float, float]


def lines(left: float, right: float, top: float, count: int, step: float = 30) -> list[Box]:
    """Lines of running text, the last one short."""
    return [
        (left, top + step * k, right - (60 if k == count - 1 else 7 * (k % 3)), top + step * k + 22)
        for k in range(count)
    ]


def in_order(boxes: Sequence[Box]) -> bool:
    """Whether boxes given in reading order are found in it, however they come."""
    shuffled = np.random.default_rng(len(boxes)).permutation(len(boxes))
    order = reading_order(np.array(boxes)[shuffled])
    return bool(np.array_equal(shuffled[order], np.arange(len(boxes))))


def test_one_column_is_read_downwards() -> None:
    assert in_order(lines(40, 800, 50, 20))


@pytest.mark.parametrize("offset", [0, 11])
def test_columns_are_read_one_after_the_other(offset: float) -> None:
    assert in_order(lines(40, 450, 50, 14) + lines(480, 900, 50 + offset, 11))
    three = [lines(x, x + 290, 50 + offset * k, 15 - k) for k, x in enumerate((30, 350, 670))]
    assert in_order([box for column in three for box in column])


def test_a_narrow_gutter_is_enough() -> None:
    assert in_order(lines(40, 450, 50, 14) + lines(456, 860, 50, 14))


def test_a_heading_is_read_before_and_a_footer_after_the_columns_that_they_span() -> None:
    heading: list[Box] = [(200, 20, 700, 60)]
    footer: list[Box] = [(180, 520, 760, 545)]
    assert in_order(heading + lines(40, 440, 90, 12) + lines(480, 880, 90, 12) + footer)


def test_two_pairs_of_columns_under_two_headings() -> None:
    upper = lines(40, 440, 90, 6) + lines(480, 880, 90, 6)
    lower = lines(40, 440, 390, 6) + lines(480, 880, 390, 6)
    assert in_order([(100, 20, 800, 60), *upper, (100, 320, 800, 360), *lower])


def test_a_box_that_reaches_a_little_into_the_gutter_does_not_close_it() -> None:
    left = lines(40, 440, 50, 10)
    left[4] = (40, left[4][1], 452, left[4][3])
    right = lines(456, 860, 50, 10)
    assert in_order(left + right)


def test_a_table_is_read_row_by_row() -> None:
    rows = [
        [(x, 50 + 40 * k, x + width, 72 + 40 * k) for x, width in ((60, 90), (260, 70), (420, 75))]
        for k in range(12)
    ]
    assert in_order([cell for row in rows for cell in row])


def test_a_receipt_is_read_row_by_row() -> None:
    rows = [
        (
            (40, 50 + 36 * k, 40 + 130 + 25 * (k % 4), 70 + 36 * k),
            (380, 51 + 36 * k, 440, 71 + 36 * k),
        )
        for k in range(14)
    ]
    assert in_order([cell for row in rows for cell in row])


def test_a_list_whose_markers_stand_apart_is_read_row_by_row() -> None:
    rows = [((50, 40 * k, 70, 40 * k + 20), (95, 40 * k, 500, 40 * k + 22)) for k in range(9)]
    assert in_order([cell for row in rows for cell in row])


def test_blocks_that_do_not_stand_side_by_side_are_no_columns() -> None:
    sender, address = lines(520, 760, 60, 3), lines(70, 380, 220, 3)
    assert in_order(sender + address + lines(70, 740, 380, 8))


def test_words_of_one_line_are_read_from_left_to_right() -> None:
    assert in_order([(40, 50, 200, 74), (210, 53, 400, 75), (410, 48, 600, 72), (40, 90, 300, 112)])


def test_small_lines_beside_a_tall_box_keep_their_own_order() -> None:
    order = reading_order(np.array([(10, 10, 60, 70), (80, 12, 300, 30), (80, 46, 300, 66)]))
    assert order.tolist().index(1) < order.tolist().index(2)


def test_a_title_over_three_columns_is_first_where_the_middle_one_begins_right_under_it() -> None:
    title, columns = (313, 35, 585, 66), [lines(28, 290, 102, 9, 19), lines(316, 580, 87, 10, 19)]
    columns.append(lines(607, 867, 89, 9, 19))
    assert in_order([title, *(box for column in columns for box in column)])


@pytest.mark.parametrize("count", [1, 2])
def test_a_short_second_column_is_read_after_the_first(count: int) -> None:
    assert in_order(lines(40, 440, 50, 12) + lines(480, 880, 50, count))
    assert in_order(lines(40, 440, 50, 12) + lines(480, 880, 63, count))


@pytest.mark.parametrize("offset", [0, 9])
def test_a_menu_beside_text_is_read_before_it(offset: float) -> None:
    menu = [(30, 30 + 23 * k, 80 + 20 * k, 53 + 23 * k) for k in range(5)]
    assert in_order(menu + lines(260, 860, 30 + offset, 7, 23))
    assert in_order(
        lines(30, 630, 30 + offset, 7, 23) + [(x + 660, y, r + 660, b) for x, y, r, b in menu]
    )


def test_words_with_what_is_said_about_them_are_read_row_by_row() -> None:
    """A glossary, and a life told by its years: each word has lines of its own beside it."""
    glossary = [
        box
        for k in range(7)
        for box in ((30, 30 * k, 120, 30 * k + 22), (200, 30 * k, 500 + 90 * (k % 4), 30 * k + 22))
    ]
    assert in_order(glossary)
    years = [
        box
        for k in range(4)
        for box in ((30, 120 * k, 120, 120 * k + 22), *lines(200, 800, 120 * k, 4))
    ]
    assert in_order(years)


def test_the_times_under_a_chats_messages_are_no_column() -> None:
    """Some reach down beside the last line of their message, and none has a message beside it."""
    order: list[Box] = []
    for top in range(20, 1620, 160):
        order += [(180, top, 600, top + 25), (180, top + 21, 350, top + 46)]
        order += [(624, top + 38, 666, top + 62)]
    assert in_order(order)


def test_what_stands_beside_several_rows_is_read_before_or_after_them() -> None:
    side = (26, 27, 47, 213)
    assert in_order([side, *lines(107, 850, 30, 8, 23)])
    assert in_order(
        [
            *((x - 80, y, r - 80, b) for x, y, r, b in lines(107, 850, 30, 8, 23)),
            (800, 27, 821, 213),
        ]
    )
    low = (26, 120, 47, 260)
    assert in_order([low, *lines(107, 850, 30, 8)])
    letter = (20, 20, 90, 80)
    assert in_order([letter, (100, 22, 700, 44), (100, 52, 690, 74), (20, 82, 700, 104)])


def test_a_letter_head_over_the_head_of_a_table_has_no_columns() -> None:
    """Its right part, long lines, and the table's last head are no column beside the others."""
    head = [(26, 29, 240, 63), (27, 80, 399, 106), (677, 27, 873, 50), (666, 48, 874, 73)]
    row = [(160, 125, 210, 156), (373, 123, 421, 160), (518, 123, 614, 157), (734, 124, 815, 155)]
    cells = [
        (x, 160 + 35 * k, r, 190 + 35 * k)
        for k in range(5)
        for x, r in ((34, 161), (428, 451), (629, 676), (818, 866))
    ]
    assert in_order([head[0], head[2], head[3], head[1], *row, *cells])


def test_a_speck_on_a_line_does_not_part_its_row() -> None:
    """As of a table's rule, which is a box of its own until nothing is read in it."""
    row = [(0, 34, 152, 72), (1, 37, 6, 66), (246, 38, 266, 62), (496, 36, 560, 67)]
    assert in_order([*row, (0, 74, 150, 110), (246, 78, 266, 102)])


def test_pieces_of_one_line_stay_together_whichever_gutter_they_cross() -> None:
    """Boxes of a dithered page that leans by a tenth of a degree."""
    ends = (
        "30 871",
        "27 173 175 354 357 437 438 502 503 520 521 605 605 621 627 674 675 704 704 720 721 818",
        "28 144 144 273",
        "28 80 83 212 213 238 241 357 357 461 462 503 506 528 531 623 626 660 662 763 763 850",
        "29 438 439 576 577 811",
        "30 523",
    )
    tops = (84, 107, 130, 174, 196, 219)
    pieces = []
    for top, row in zip(tops, ends, strict=True):
        own = [float(end) for end in row.split()]
        pieces += [
            (x, top - x / 600, r, top - x / 600 + 22)
            for x, r in zip(own[::2], own[1::2], strict=True)
        ]
    assert in_order(pieces)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 6)), min_size=2, max_size=20))
def test_the_messages_of_a_chat_are_read_in_turn(messages: list[tuple[bool, int]]) -> None:
    """Left and right, of one to six lines, so narrow that a gutter is between them."""
    order: list[Box] = []
    top = 20.0
    for own, count in messages:
        left, right = (560, 1000) if own else (40, 480)
        order += lines(left, right, top, count)
        top = order[-1][3] + 24
    assert in_order(order)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_columns_titles_footers_and_tables_in_columns(data: st.DataObject) -> None:
    """Two to four columns of different lengths, with what pages have around and in them."""
    count, gutter = data.draw(st.integers(2, 4)), data.draw(st.integers(14, 40))
    width, top = 300, 140
    lefts = [40 + k * (width + gutter) for k in range(count)]
    right = lefts[-1] + width
    order: list[Box] = []
    if data.draw(st.booleans()):  # a running head: number, name, date
        order += [(40, 10, 60, 30), (right - 90, 10, right, 30)]
    if data.draw(st.booleans()):
        half = data.draw(st.integers(80, 500)) / 2
        middle = (40 + right) / 2
        order.append((middle - half, 50, middle + half, 86))
    lengths = [data.draw(st.integers(4, 14)) for _ in lefts[1:]]
    lengths.append(data.draw(st.integers(1, 14)))  # text ends where it ends
    bottom, table = 0.0, data.draw(st.one_of(st.none(), st.integers(0, count - 1)))
    for column, (left, length) in enumerate(zip(lefts, lengths, strict=True)):
        start: float = top + data.draw(st.integers(0, 10))
        text = lines(left, left + width, start, length)
        if column == table:
            start, rows = text[-1][1] + 50, data.draw(st.integers(3, 6))
            text += [
                (left + x, start + 30 * row, left + x + wide, start + 30 * row + 22)
                for row in range(rows)
                for x, wide in ((0, 90 + 10 * (row % 3)), (150, 40), (240, 50))
            ]
            text += lines(left, left + width, text[-1][1] + 50, 4)
        order += text
        bottom = max(bottom, text[-1][3])
    if data.draw(st.booleans()):  # a page number
        at = data.draw(st.sampled_from([(40 + right) / 2 - 10, right - 24]))
        order.append((at, bottom + 60, at + 22, bottom + 80))
    assert in_order(order)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_title_may_span_any_number_of_columns(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 4))
    first = data.draw(st.integers(0, count - 1))
    last = data.draw(st.integers(first, count - 1))
    lefts = [40 + 330 * k for k in range(count)]
    spanned = [(lefts[first], 40, lefts[last] + data.draw(st.integers(200, 300)), 76)]
    order: list[Box] = []
    for column, left in enumerate(lefts):
        under = first <= column <= last
        if column == first:
            order += spanned
        length = data.draw(st.integers(4, 12))
        order += lines(left, left + 300, 100 if under else 45, length + (0 if under else 2))
    assert in_order(order)


def test_no_boxes_have_no_order() -> None:
    assert reading_order(np.zeros((0, 4))).tolist() == []


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 900), st.integers(0, 900), st.integers(5, 500), st.integers(5, 60)
        ),
        max_size=40,
        unique=True,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_is_a_permutation_that_does_not_depend_on_the_input_order(
    places: list[tuple[int, int, int, int]], random: object
) -> None:
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in places], float).reshape(-1, 4)
    order = reading_order(boxes)
    assert sorted(order.tolist()) == list(range(len(boxes)))
    shuffled = list(range(len(boxes)))
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = reading_order(boxes[shuffled])
    assert np.array_equal(boxes[order], boxes[shuffled][again])


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 900), st.integers(0, 900), st.integers(5, 500), st.integers(5, 60)
        ),
        min_size=1,
        max_size=40,
    ),
    st.tuples(st.integers(-500, 500), st.integers(-500, 500)),
    st.sampled_from([0.5, 2.0, 4.0]),
)
def test_the_order_does_not_depend_on_where_a_page_lies_nor_on_its_size(
    places: list[tuple[int, int, int, int]], by: tuple[int, int], scale: float
) -> None:
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in places], float)
    order = reading_order(boxes)
    assert np.array_equal(order, reading_order(boxes + np.tile(by, 2)))
    assert np.array_equal(order, reading_order(boxes * scale))
