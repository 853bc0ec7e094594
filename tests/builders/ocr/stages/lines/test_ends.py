"""Line ends mended by ink: what is prolonged, joined, parted, and what is left alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from builders.ocr.stages.lines import ends

TEXT = "several words of one line that run on and on"


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array(((left, top), (right, top), (right, bottom), (left, bottom)), np.float32)


def page(*texts: tuple[int, int, str]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Text at places on white, and each one's box with a little paper around."""
    image = Image.new("RGB", (900, 300), "white")
    draw, face = ImageDraw.Draw(image), ImageFont.load_default(20)
    boxes = []
    for x, y, text in texts:
        draw.text((x, y), text, "black", font=face)
        left, top, right, bottom = draw.textbbox((x, y), text, font=face)
        boxes.append(box(left - 4, top - 4, right + 4, bottom + 4))
    return np.asarray(image), boxes


def mend(pixels: np.ndarray, *quads: np.ndarray, weak: tuple[bool, ...] = ()) -> np.ndarray:
    flags = np.array(weak or (False,) * len(quads))
    return ends.mend(pixels, np.stack(quads), flags)


def part(whole: np.ndarray, start: float, stop: float) -> np.ndarray:
    """A piece of a box, from and to these parts of its length."""
    left, right = whole[0, 0], whole[1, 0]
    return box(
        left + start * (right - left), whole[0, 1], left + stop * (right - left), whole[2, 1]
    )


def test_whole_lines_stay_as_they_are() -> None:
    pixels, boxes = page((40, 40, TEXT), (40, 80, TEXT), (520, 41, "next column"))
    assert np.array_equal(mend(pixels, *boxes), np.stack(boxes))


@pytest.mark.parametrize(("start", "stop"), [(0.0, 0.3), (0.6, 1.0), (0.4, 0.6)])
def test_a_piece_is_prolonged_to_its_whole_line(start: float, stop: float) -> None:
    pixels, (whole,) = page((40, 40, TEXT))
    (mended,) = mend(pixels, part(whole, start, stop))
    assert mended == pytest.approx(whole, abs=8)


def test_pieces_of_one_line_become_one_box() -> None:
    pixels, (whole,) = page((40, 40, TEXT))
    mended = mend(pixels, part(whole, 0, 0.2), part(whole, 0.45, 0.5), part(whole, 0.8, 1))
    assert len(mended) == 1 and mended[0] == pytest.approx(whole, abs=8)


def test_a_line_does_not_run_over_a_gutter() -> None:
    pixels, (left, right) = page((40, 40, TEXT), (480, 40, TEXT[:30]))
    mended = mend(pixels, part(left, 0, 0.5), right)
    assert len(mended) == 2 and mended[0] == pytest.approx(left, abs=8)


def test_boxes_that_overlap_part_in_the_gap() -> None:
    pixels, (left, right) = page((40, 40, TEXT), (490, 40, TEXT[:30]))
    early = right.copy()
    early[[0, 3], 0] = left[1, 0] - 14
    mended = mend(pixels, left, early)
    gap = left[1, 0], right[0, 0]
    assert gap[0] - 5 < mended[0, 1, 0] <= mended[1, 0, 0] < gap[1] + 5


def test_weak_pieces_count_only_where_a_line_runs_on() -> None:
    pixels, (whole,) = page((40, 40, TEXT))
    noise = box(600, 200, 640, 212)
    mended = mend(pixels, part(whole, 0.4, 0.5), noise, weak=(True, True))
    assert len(mended) == 1 and mended[0] == pytest.approx(whole, abs=10)


def test_a_thin_remnant_gets_the_height_of_its_line() -> None:
    pixels, (whole,) = page((40, 40, TEXT))
    thin = part(whole, 0, 0.2)
    thin[:, 1] = (50, 50, 57, 57)
    (mended,) = mend(pixels, thin, weak=(True,))
    assert mended == pytest.approx(whole, abs=10)


def test_one_digit_at_the_end_counts_and_a_border_does_not() -> None:
    pixels, (whole, short) = page((40, 40, "row number 8"), (40, 90, "row number"))
    cut = whole.copy()
    cut[[1, 2], 0] = short[1, 0] - 2
    assert mend(pixels, cut)[0] == pytest.approx(whole, abs=8)
    bordered = pixels.copy()
    edge = int(short[1, 0]) + 4
    bordered[70:130, edge : edge + 2] = 0
    assert np.array_equal(mend(bordered, short)[0], short)


def test_a_rule_beside_a_line_is_not_text() -> None:
    pixels, (whole,) = page((40, 40, "short"))
    ruled = pixels.copy()
    ruled[51:53, int(whole[1, 0]) :] = 0
    assert np.array_equal(mend(ruled, whole)[0], whole)


def test_blank_paper_and_no_boxes() -> None:
    blank = np.full((100, 100, 3), 255, np.uint8)
    assert ends.mend(blank, np.zeros((0, 4, 2), np.float32), np.zeros(0, bool)).shape == (0, 4, 2)
    alone = box(10, 10, 60, 24)
    assert np.array_equal(mend(blank, alone)[0], alone)


def test_boxes_that_reach_beyond_the_page_are_no_trouble() -> None:
    pixels, _ = page((0, 0, TEXT))
    outside = box(-30, -10, 950, 22)
    assert mend(pixels, outside, box(880, 280, 940, 320)).shape == (2, 4, 2)


WORDS = ("3", "0.95", "Rye bread", "Item", "l", "Ill", "Qty (kg)", "[1]", "17/4")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_line_runs_over_a_drawn_rule_nor_off_the_page(data: st.DataObject) -> None:
    """Cells of any words between upright rules, close to them, on any ground, in any ink."""
    ground = data.draw(st.integers(0, 255))
    inks = st.integers(0, 255).filter(lambda level: abs(level - ground) > 50)
    ink, rule = data.draw(inks), data.draw(inks)
    size, thick = data.draw(st.integers(14, 30)), data.draw(st.integers(1, 5))
    air, level = data.draw(st.integers(3, 12)), data.draw(st.booleans())
    image = Image.new("L", (900, 6 * size), ground)
    pen, face = ImageDraw.Draw(image), ImageFont.load_default(size)
    x, rules, boxes = 6, [], []
    for word in data.draw(st.lists(st.sampled_from(WORDS), min_size=2, max_size=6)):
        left, top, right, bottom = pen.textbbox((x, 2.4 * size), word, face)
        pen.text((x, 2.4 * size), word, ink, face)
        boxes.append(box(left - 3, top - size / 4, right + 3, bottom + size / 4))
        x = int(right) + air
        pen.rectangle((x, size, x + thick - 1, 5 * size), rule)
        rules.append((x, x + thick))
        x += thick + air
    if level:
        for y in (size, 5 * size):
            pen.rectangle((0, y, x, y + thick - 1), rule)
    pixels = np.asarray(image.convert("RGB"))
    mended = mend(pixels, *boxes)
    assert len(mended) == len(boxes)
    whole = box(float(boxes[0][0, 0]), *boxes[0][0, 1:], *boxes[-1][2])
    for quad in (*mended, *mend(pixels, whole)):
        assert quad.min() >= 0 and quad[:, 0].max() <= 900
        for first, end in rules:
            middle = (first + end) / 2
            assert not quad[0, 0] + thick / 2 + 1 < middle < quad[1, 0] - thick / 2 - 1


def test_a_box_over_a_tables_rule_becomes_one_for_each_cell() -> None:
    pixels, boxes = page((40, 40, "Rye bread"), (150, 40, "3"), (190, 40, "0.95"))
    ruled = pixels.copy()
    ruled[20:100, (142, 178)] = 120
    ruled[(33, 66), 20:300] = 120
    over = box(36, 34, boxes[2][1, 0], 68)
    mended = mend(ruled, over)
    assert len(mended) == 3
    for quad, cell in zip(mended, boxes, strict=True):
        assert quad[:, 0].min() <= cell[0, 0] + 4 and quad[:, 0].max() >= cell[1, 0] - 4


def test_cells_of_two_grounds_are_two_lines() -> None:
    pixels, (left, right) = page((40, 40, "Subtotal"), (130, 40, "17.21"))
    striped = pixels.copy()
    edge = int(left[1, 0] + right[0, 0]) // 2
    striped[:, edge:] -= np.minimum(striped[:, edge:], 40)
    mended = mend(striped, left, right)
    assert np.array_equal(mended, np.stack((left, right)))


def test_rules_over_and_under_a_line_are_no_paper() -> None:
    """A box as high as its row touches them."""
    pixels, (whole, other) = page((40, 40, "Dish soap"), (400, 40, "0.95"))
    ruled = pixels.copy()
    top, bottom = int(whole[0, 1]) - 2, int(whole[2, 1]) + 2
    ruled[[top, top + 1, bottom, bottom + 1]] = 100
    tall = whole.copy()
    tall[[0, 1], 1], tall[[2, 3], 1] = top, bottom + 2
    assert np.array_equal(mend(ruled, tall, other), np.stack((tall, other)))


@pytest.mark.parametrize("zoom", [1.0, 1.286, 1.5])
@pytest.mark.parametrize("paper", [170, 200, 230])
def test_a_stroke_on_dotted_paper_is_no_rule(paper: int, zoom: float) -> None:
    image, face = Image.new("L", (700, 100), paper), ImageFont.load_default(18)
    draw = ImageDraw.Draw(image)
    draw.text((40, 40), "children filled the hall", 60, font=face)
    left, top, right, bottom = draw.textbbox((40, 40), "children filled the hall", font=face)
    # As a printer draws greys (Bayer 1973): dots in every row, and rows and columns of them.
    order = np.array(((0, 8, 2, 10), (12, 4, 14, 6), (3, 11, 1, 9), (15, 7, 13, 5)))
    dots = np.asarray(image) > np.tile((order + 0.5) * 16, (25, 175))
    size = round(700 * zoom), round(100 * zoom)
    shown = Image.fromarray(255 * dots.astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)
    whole = box(left - 4, top - 2, right + 4, bottom + 2) * zoom
    assert len(mend(np.asarray(shown.convert("RGB")), whole)) == 1
