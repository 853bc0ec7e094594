"""Rows of pages that were photographed, as a camera's projection puts them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.ocr.stages.crop import read
from builders.ocr.stages.page.level import level

Box = tuple[float, float, float, float]


def quads(boxes: list[Box]) -> np.ndarray:
    return np.array([((x, y), (r, y), (r, b), (x, b)) for x, y, r, b in boxes], np.float32)


def photographed(boxes: list[Box], corners: np.ndarray) -> np.ndarray:
    """Boxes of a page of 900 x 600 as the detector finds them: where the camera puts them, but
    upright, since boxes of a few letters do not show how they lie."""
    page = np.array(((0, 0), (900, 0), (900, 600), (0, 600)), np.float32)
    camera = cv2.getPerspectiveTransform(page, (page + corners).astype(np.float32))
    seen = cv2.perspectiveTransform(quads(boxes).reshape(1, -1, 2), camera).reshape(-1, 4, 2)
    (left, top), (right, bottom) = seen.min(1).T, seen.max(1).T
    return quads(list(zip(left, top, right, bottom, strict=True)))


def table(rows: int, pitch: float) -> list[Box]:
    """Five columns with a wide gap after the first one, rows close to each other."""
    return [
        (x, 60 + pitch * row, x + width + 9 * (row % 3), 60 + pitch * (row + 0.95))
        for row in range(rows)
        for x, width in ((20, 150), (430, 20), (560, 40), (690, 50), (810, 50))
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(5, 14),
    st.integers(20, 36),
    st.tuples(st.integers(-40, 40), st.integers(-40, 40), st.integers(-25, 25)),
    st.integers(0, 3),
    st.integers(0, 99),
)
def test_rows_of_a_photographed_table_stay_together(
    rows: int, pitch: int, moved: tuple[int, int, int], quarter: int, seed: int
) -> None:
    """The right side is higher or lower than the left one by up to a row, top and bottom apart."""
    top, bottom, side = moved
    corners = np.array(((0, 0), (side, top), (-side, bottom), (0, 0)))
    found = photographed(table(rows, pitch), corners)
    for _ in range(quarter):
        found = np.stack((-found[..., 1], found[..., 0]), -1)
    shuffled = np.random.default_rng(seed).permutation(len(found))
    order = read(found[shuffled])
    assert shuffled[order].tolist() == list(range(len(found)))


@pytest.mark.parametrize("offset", [9, 11, 14])
def test_lines_of_two_columns_do_not_make_a_page_lean(offset: float) -> None:
    """Those of the right column stand lower; short as they are, they look like cells."""
    found = [
        (x, 40 + 30 * k + x / 20 * offset / 10, x + 100, 62 + 30 * k)
        for x in (20, 220)
        for k in range(9)
    ]
    boxes = level(quads([(x, y, r, y + 22) for x, y, r, _ in found]))
    assert np.allclose(boxes[:, 1], [y for _, y, _, _ in found], atol=0.01)


def test_words_in_directions_of_their_own_do_not_turn_the_page() -> None:
    """A chart: the words under its bars are longer, all together, than its title and figures."""
    upright = quads(
        [(22, 22, 203, 65), *((58 + 112 * k, 97, 106 + 112 * k, 128) for k in range(5))]
    )
    along, across = np.array((61, -55)), np.array((19, 20))
    words = np.array(
        [
            (start, start + along, start + along + across, start + across)
            for start in (np.array((15 + 112 * k, 330)) for k in range(5))
        ],
        np.float32,
    )
    boxes = level(np.concatenate((upright, words)))
    assert np.allclose(boxes[:6, :2], upright[:, 0], atol=0.01)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 900), st.integers(0, 900), st.integers(5, 500), st.integers(5, 60)
        ),
        min_size=1,
        max_size=30,
    )
)
def test_boxes_keep_their_size_and_where_they_are_from_left_to_right(
    places: list[tuple[int, int, int, int]],
) -> None:
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in places], float)
    found = level(quads([tuple(box) for box in boxes.tolist()]))
    assert np.isfinite(found).all()
    assert np.allclose(found[:, [0, 2]], boxes[:, [0, 2]], atol=0.01)
    assert np.allclose(found[:, 3] - found[:, 1], boxes[:, 3] - boxes[:, 1], atol=0.01)
