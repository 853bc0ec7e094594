"""Long pages in parts, and what is said of the parts put together again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.ocr.stages.page import tiles

SIDES = st.one_of(st.integers(1, 2000), st.integers(1, 16_384))


@given(SIDES, SIDES)
@settings(max_examples=200)
def test_tiles_cover_the_page_once_and_share_what_lies_between_them(
    height: int, width: int
) -> None:
    views = tiles.cut((height, width))
    counted = sum((v.keep_bottom - v.keep_top) * (v.keep_right - v.keep_left) for v in views)
    assert counted == height * width
    for view in views:
        assert 0 <= view.top <= view.keep_top < view.keep_bottom <= view.bottom <= height
        assert 0 <= view.left <= view.keep_left < view.keep_right <= view.right <= width
        assert view.bottom - view.top <= tiles.LONGEST and view.right - view.left <= tiles.LONGEST
        # What counts is far from an edge that is not the page's.
        for keep, edge, end in (
            (view.keep_top, view.top, 0),
            (view.bottom, view.keep_bottom, height),
            (view.keep_left, view.left, 0),
            (view.right, view.keep_right, width),
        ):
            assert keep == edge or keep - edge >= tiles.OVERLAP // 2 - 1, end


@pytest.mark.parametrize("size", [(50, 6947), (5000, 300), (2000, 2000), (2100, 4100), (1, 1)])
def test_answers_to_tiles_are_the_answer_to_the_page(size: tuple[int, int]) -> None:
    page = np.random.default_rng(0).random(size, np.float32)
    views = tiles.cut(size)
    maps = [page[v.top : v.bottom, v.left : v.right] for v in views]
    assert np.array_equal(tiles.joined(maps, views), page)


def test_a_page_is_whole_where_that_is_asked_for() -> None:
    (whole,) = tiles.cut((4096, 100), whole=True)
    assert (whole.top, whole.left, whole.bottom, whole.right) == (0, 0, 4096, 100)
