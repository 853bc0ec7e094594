"""Where a second look goes on a page on which nothing was found."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from builders.ocr.stages.page import looks


def sheet(*words: tuple[tuple[int, int], str, int]) -> np.ndarray:
    image = Image.new("RGB", (1920, 1080), "white")
    for place, word, size in words:
        ImageDraw.Draw(image).text(place, word, "black", ImageFont.load_default(size))
    return np.asarray(image)


@pytest.mark.parametrize("size", [10, 24, 72])
def test_a_word_is_looked_at_with_little_around(size: int) -> None:
    page = sheet(((900, 500), "Page 7", size))
    ((left, top, right, bottom),) = looks.places(page)
    rows, columns = np.nonzero(page.min(2) < 128)
    assert left < columns.min() and columns.max() < right
    assert top < rows.min() and rows.max() < bottom
    assert (right - left) * (bottom - top) < 60 * size * size + 4000


def test_words_far_apart_are_places_of_their_own() -> None:
    places = looks.places(sheet(((30, 30), "42", 20), ((1700, 1000), "Page 7", 20)))
    assert len(places) == 2
    many = sheet(*(((200 * k + 50, 500), "42", 20) for k in range(8)))
    assert len(looks.places(many)) == looks.MOST


def test_an_empty_page_is_not_looked_at_again_and_a_full_one_as_a_whole() -> None:
    assert looks.places(np.full((400, 500, 3), 255, np.uint8)) == []
    assert looks.places(np.zeros((1, 1, 3), np.uint8)) == []
    noise = np.random.default_rng(0).integers(0, 255, (400, 500, 3), np.uint8)
    assert looks.places(noise) == [(0, 0, 500, 400)]


def test_what_is_found_lies_where_it_is_on_the_page() -> None:
    page = sheet(((900, 500), "42", 20))

    def ink(part: np.ndarray) -> np.ndarray:
        rows, columns = np.nonzero(part.min(2) < 128)
        left, right, top, bottom = columns.min(), columns.max(), rows.min(), rows.max()
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        return np.array([corners], np.float32)

    assert np.abs(looks.again(page, ink) - ink(page)).max() <= 2
    assert looks.again(page, lambda _: np.zeros((0, 4, 2), np.float32)).shape == (0, 4, 2)
