"""Columns of signs, laid out as lines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageDraw

from builders.ocr.stages.lines import stacked, warp
from perf.against.pages.drawn import CJK, TIMES, font

SIGNS = "東京駅前公園散歩予定"
SIZE = 40


def drawn(size: int, text: str, turned: bool = False) -> tuple[warp.Pyramid, np.ndarray]:
    """A page with a column: signs one below the other, or a line on its side; and its quad."""
    face = font(CJK if not turned else TIMES, size)
    length = len(text) * size if not turned else round(face.getlength(text))
    image = Image.new("L", (4 * size, length + 2 * size), 255)
    draw = ImageDraw.Draw(image)
    if turned:
        strip = Image.new("L", (length, 2 * size), 255)
        ImageDraw.Draw(strip).text((0, size // 3), text, 0, face)
        image.paste(strip.rotate(-90, expand=True), (size, size))
    else:
        for number, sign in enumerate(text):
            draw.text((1.5 * size, size * (1 + number)), sign, 0, face)
    left, right = 1.4 * size, 2.6 * size
    top, bottom = 0.9 * size, image.height - 0.9 * size
    quad = np.array(((right, top), (right, bottom), (left, bottom), (left, top)), np.float32)
    return warp.Pyramid(np.repeat(np.asarray(image)[..., None], 3, 2)), quad


def test_signs_stand_side_by_side_and_upright() -> None:
    page, quad = drawn(SIZE, SIGNS)
    row = stacked.line(page, quad)
    assert row.shape[0] == warp.HEIGHT and row.dtype == np.uint8
    cells = np.split(row, [round(row.shape[1] * k / len(SIGNS)) for k in range(1, len(SIGNS))], 1)
    for cell, sign in zip(cells, SIGNS, strict=True):
        alone, place = drawn(SIZE, sign)
        expected = alone.crop(place[[3, 0, 1, 2]], 48, 48)
        assert abs(float((cell < 128).mean()) - float((expected < 128).mean())) < 0.08


@pytest.mark.parametrize(
    ("turned", "text"), [(False, SIGNS), (True, "so we saw a rose on a canoe as our crew rows p")]
)
def test_columns_are_told_from_lines_on_their_side(turned: bool, text: str) -> None:
    page, quad = drawn(SIZE, text, turned)
    assert stacked.columns(page, quad[None]).tolist() == [not turned]


def test_lines_and_short_boxes_are_no_columns() -> None:
    page, quad = drawn(SIZE, SIGNS)
    level = quad[:, ::-1] * np.array((1, 0.2), np.float32)
    short = quad * np.array((1, 0.1), np.float32)
    assert stacked.columns(page, np.stack((level, short))).tolist() == [False, False]
    assert stacked.columns(page, np.zeros((0, 4, 2), np.float32)).shape == (0,)


@given(
    arrays.arrays(
        np.uint8,
        st.tuples(st.integers(1, 90), st.integers(1, 30)),
        elements=st.sampled_from([0, 90, 255]),
    )
)
def test_any_pixels_give_a_row_within_the_bounds(grey: np.ndarray) -> None:
    height, width = grey.shape
    page = warp.Pyramid(np.repeat(grey[..., None], 3, 2))
    quad = np.array(((width, 0), (width, height), (0, height), (0, 0)), np.float32)
    row = stacked.line(page, quad)
    assert row.shape[0] == warp.HEIGHT and row.shape[2] == 3
    assert 1 <= row.shape[1] <= warp.LARGEST_WIDTH
