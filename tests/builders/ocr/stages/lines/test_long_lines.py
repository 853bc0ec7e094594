"""Lines longer than the recogniser takes, cut between words."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from builders.ocr.stages.lines import long_lines, warp


def cut(pixels: np.ndarray, quads: np.ndarray) -> long_lines.Pieces:
    return long_lines.cut(greys(pixels), quads, np.ones(len(quads), bool))


def greys(pixels: np.ndarray) -> warp.Pyramid:
    return warp.Pyramid(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))


def line(width: int, spaced: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A line of words, its quad, and which columns have ink."""
    image = Image.new("RGB", (width, 60), "white")
    words = "harbour keeper lantern " if spaced else "mmmm"
    text = words * (width // 60)
    ImageDraw.Draw(image).text((10, 10), text, "black", ImageFont.load_default(30))
    pixels = np.asarray(image)
    quad = np.array([[0, 8], [width, 8], [width, 50], [0, 50]], np.float32)
    return pixels, quad, (pixels.min((0, 2)) < 200)


def test_lines_that_fit_stay_as_they_are() -> None:
    pixels, quad, _ = line(2000, True)
    pieces = cut(pixels, quad[None])
    assert np.array_equal(pieces.quads, quad[None]) and not pieces.apart.any()
    assert len(cut(pixels, np.zeros((0, 4, 2), np.float32)).quads) == 0


@pytest.mark.parametrize("turned", [False, True])
def test_a_long_line_is_cut_in_spaces(turned: bool) -> None:
    pixels, quad, ink = line(9000, True)
    if turned:
        pixels, quad = np.rot90(pixels).copy(), np.stack((quad[:, 1], 9000 - quad[:, 0]), 1)
    pieces = cut(pixels, np.stack((quad, quad)).astype(np.float32))
    assert pieces.lines.tolist() == sorted(pieces.lines.tolist())
    first = pieces.quads[pieces.lines == 0]
    assert len(first) > 3 and warp.undistorted(first).max() <= warp.LARGEST_WIDTH
    assert pieces.apart[pieces.lines == 0].tolist() == [False] + [True] * (len(first) - 1)
    assert np.allclose(first[1:, [0, 3]], first[:-1, [1, 2]], atol=0.01)
    assert np.allclose(first[0, [0, 3]], quad[[0, 3]]) and np.allclose(
        first[-1, [1, 2]], quad[[1, 2]]
    )
    for place in np.linalg.norm(first[1:, 0] - quad[0], axis=1):
        assert not ink[round(place) - 2 : round(place) + 2].any()


def test_what_may_not_be_cut_stays_whole() -> None:
    pixels, quad, _ = line(9000, True)
    pieces = long_lines.cut(greys(pixels), np.stack((quad, quad)), np.array([False, True]))
    assert (pieces.lines == 0).sum() == 1 and np.array_equal(pieces.quads[0], quad)


def test_without_spaces_a_line_is_cut_anywhere_and_joined_again() -> None:
    pixels, quad, _ = line(9000, False)
    pieces = cut(pixels, quad[None])
    assert len(pieces.quads) > 3 and not pieces.apart.any()


def test_lines_of_no_height_or_no_length_are_no_trouble() -> None:
    pixels, quad, _ = line(5000, True)
    flat, point = quad.copy(), np.repeat(quad[:1], 4, 0)
    flat[:, 1] = 9
    pieces = cut(pixels, np.stack((flat, point, quad)))
    assert np.isfinite(pieces.quads).all() and pieces.lines.tolist() == [0, 1, 2]
    assert len(cut(pixels, np.stack((point, quad))).quads) == 4
