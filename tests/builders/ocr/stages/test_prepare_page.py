"""The page that the detector sees: its size, its limits, and what its type allows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from builders.ocr.stages import prepare_page
from builders.ocr.stages.page import tiles, type_size


def written(size: int, canvas: tuple[int, int] = (1000, 700), paper: int = 255) -> np.ndarray:
    """A page full of text of one size, dark on light or light on dark."""
    image = Image.new("RGB", canvas, (paper,) * 3)
    draw, ink = ImageDraw.Draw(image), (255 - paper,) * 3
    for y in range(20, canvas[1] - size, round(size * 1.5)):
        text = "the moon rose over a narrow sea " * 9
        draw.text((20, y), text[: int(1.7 * canvas[0] / size)], ink, ImageFont.load_default(size))
    return np.asarray(image)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(64, 4096))
def test_sides_are_multiples_of_the_stride_within_the_limit(
    height: int, width: int, maximum: int
) -> None:
    page, zoom = prepare_page.fit(np.zeros((height, width, 3), np.uint8), maximum)
    page = tiles.padded(page)
    assert page.shape[0] % 32 == page.shape[1] % 32 == 0 and min(page.shape[:2]) >= 32
    assert max(page.shape[:2]) <= maximum + 31 and 0 < zoom <= prepare_page.LARGEST_ZOOM
    for side, made in zip((height, width), page.shape[:2], strict=True):
        assert 0 <= made - max(1, round(side * zoom)) < 32


def test_without_type_a_page_has_the_size_that_pp_ocr_gives_it() -> None:
    assert prepare_page.page_zoom(700, 1000) == pytest.approx(736 / 700)
    assert prepare_page.page_zoom(900, 1000) == 1.0
    assert prepare_page.page_zoom(3000, 4000) == 0.5
    # A strip is not enlarged to a banner.
    assert prepare_page.page_zoom(60, 1000) == pytest.approx(1.28)


def test_large_type_is_shown_smaller_and_small_type_is_not() -> None:
    zooms = [prepare_page.fit(written(size))[1] for size in (12, 16, 26, 40)]
    assert zooms[0] == pytest.approx(736 / 700) and zooms == sorted(zooms, reverse=True)
    assert zooms[2] < 0.8 and zooms[3] >= prepare_page.SMALLEST_REDUCED / 700


@pytest.mark.parametrize("turned", [0, 1, 2, 3])
@pytest.mark.parametrize("paper", [255, 0])
def test_type_is_measured_on_any_paper_and_whichever_way_it_lies(turned: int, paper: int) -> None:
    heights = [
        type_size.x_height(np.ascontiguousarray(np.rot90(written(size, paper=paper), turned)))
        for size in (16, 24, 36)
    ]
    for size, height in zip((16, 24, 36), heights, strict=True):
        assert height == pytest.approx(0.55 * size, rel=0.25)


def test_small_type_counts_beside_large() -> None:
    page = np.concatenate((written(40, (1000, 400)), written(14, (1000, 200))))
    small = type_size.x_height(written(14))
    assert small is not None and type_size.x_height(page) == pytest.approx(small, abs=1.5)


def test_paper_noise_and_a_few_letters_say_nothing() -> None:
    assert type_size.x_height(np.full((300, 300, 3), 200, np.uint8)) is None
    assert type_size.x_height(written(40, (200, 80))) is None


def test_the_request_may_set_the_maximum_side(tmp_path: Path) -> None:
    run = prepare_page.prepare(tmp_path, {})
    pixels = np.zeros((200, 1000, 3), np.uint8)
    answer = run(request(pixels) | {"maximum_side": np.array([500], np.int32)})
    assert answer["page"].shape == (1, 128, 512, 3) and answer["zooms"].tolist() == [0.5]
    assert run(request(pixels))["page"].shape[2] > 1000


def request(*pages: np.ndarray) -> dict[str, np.ndarray]:
    """Pages of one width, one below the other."""
    rows, top = [], 0
    for number, page in enumerate(pages, 1):
        rows.append((number, top, *page.shape[:2]))
        top += len(page)
    return {"pixels": np.concatenate(pages), "pages": np.array(rows, np.int32)}


def test_a_page_of_usual_shape_is_sent_whole_and_once(tmp_path: Path) -> None:
    answer = prepare_page.prepare(tmp_path, {})(request(np.zeros((3000, 4000, 3), np.uint8)))
    assert answer["page"].shape == (1, 1504, 2016, 3) and answer["sheets"].shape == (0,)
    assert answer["sheet_sizes"].tolist() == [[1500, 2000]]


@pytest.mark.parametrize(
    ("height", "width", "zoom"),
    [(52, 6947, 1.0), (9940, 1080, 736 / 1080), (2500, 700, 1.0), (60, 100_000, 0.16384)],
)
def test_a_long_page_is_sent_in_parts_of_a_size_that_can_be_read(
    tmp_path: Path, height: int, width: int, zoom: float
) -> None:
    answer = prepare_page.prepare(tmp_path, {})(request(np.zeros((height, width, 3), np.uint8)))
    assert answer["zooms"][0] == pytest.approx(zoom, rel=0.01)
    assert max(answer["page"].shape) <= 2016
    rows, columns = answer["sheet_sizes"][0].tolist()
    assert (rows, columns) == tiles.times((height, width), answer["zooms"][0])
    assert len(answer["sheets"]) == 3 * rows * columns


def test_of_several_pages_all_are_sent_small_ones_as_they_are(tmp_path: Path) -> None:
    pages = [np.full((400, 500, 3), 9, np.uint8), np.full((2400, 500, 3), 7, np.uint8)]
    answer = prepare_page.prepare(tmp_path, {})(request(*pages))
    assert answer["zooms"].tolist() == pytest.approx([1.84, 1.0])
    assert answer["sheet_sizes"].tolist() == [[400, 500], [2400, 500]]
    assert answer["page"].shape == (1, 736, 928, 3) and (answer["page"] == 9).all()
    assert np.bincount(answer["sheets"]).tolist()[7:] == [3 * 2400 * 500, 0, 3 * 400 * 500]


@pytest.mark.parametrize(
    "pages", [[], [[1, 0, 9, 9]], [[1, 1, 10, 9]], [[1, 0, 10, 11]], [[1, 0, 6, 9], [2, 5, 5, 9]]]
)
def test_pages_that_do_not_fill_the_pixels_are_refused(
    tmp_path: Path, pages: list[list[int]]
) -> None:
    with pytest.raises(ValueError, match="pages one below the other that fill the pixels"):
        prepare_page.prepare(tmp_path, {})(
            {
                "pixels": np.zeros((10, 9, 3), np.uint8),
                "pages": np.array(pages, np.int32).reshape(-1, 4),
            }
        )


@pytest.mark.parametrize("value", [[0], [-5], [63], [4097], [2**31 - 1], [], [500, 500]])
def test_a_silly_maximum_side_is_refused(tmp_path: Path, value: list[int]) -> None:
    run = prepare_page.prepare(tmp_path, {})
    with pytest.raises(ValueError, match="maximum_side must be one number from 64 to 4096"):
        run(request(np.zeros((9, 9, 3), np.uint8)) | {"maximum_side": np.array(value, np.int32)})
