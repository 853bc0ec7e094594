"""Reading order on layouts whose order is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.ocr.stages.reading_order import reading_order

Box = tuple[float, float, float, float]


def lines(left: float, right: float, top: float, count: int, step: float = 30) -> list[Box]:
    """Lines of running text, the last one short."""
    return [
        (left, top + step * k, right - (60 if k == count - 1 else 7 * (k % 3)), top + step * k + 22)
        for k in range(count)
    ]


def in_order(boxes: list[Box]) -> bool:
    """Whether boxes given in reading order are found in it, however they come."""
    shuffled = np.random.default_rng(len(boxes)).permutation(len(boxes))
    order = reading_order(np.array(boxes)[shuffled])
    return shuffled[order].tolist() == list(range(len(boxes)))


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
    heading, footer = [(200, 20, 700, 60)], [(180, 520, 760, 545)]
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


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 6)), min_size=2, max_size=20))
def test_the_messages_of_a_chat_are_read_in_turn(messages: list[tuple[bool, int]]) -> None:
    """Left and right, of one to six lines, so narrow that a gutter is between them."""
    order: list[Box] = []
    top = 20
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
        start = top + data.draw(st.integers(0, 10))
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
