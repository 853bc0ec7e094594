"""How narrow crops become, from the strokes in them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageDraw

from builders.ocr.stages.lines import squeeze
from perf.against.pages.drawn import font

TEXT = "The goods leave our warehouse in the north on Monday, 14 boxes of paper"


def line(face: str, narrowed: float = 1.0, ink: int = 20, paper: int = 255) -> np.ndarray:
    """A line of text as the recogniser's undistorted crop, [48, width]."""
    drawn = font(face, 36)
    width = round(drawn.getlength(TEXT)) + 12
    image = Image.new("L", (width, 48), paper)
    ImageDraw.Draw(image).text((6, 2), TEXT, font=drawn, fill=ink)
    return np.asarray(image.resize((round(width * narrowed), 48)))


def half(crop: np.ndarray) -> np.ndarray:
    """As a page at half its size gives it."""
    height, width = crop.shape
    small = cv2.resize(crop, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height)))


def blurred(crop: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), 2.0))


def compressed(crop: np.ndarray) -> np.ndarray:
    options = [cv2.IMWRITE_JPEG_QUALITY, 5]
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", crop, options)[1], cv2.IMREAD_GRAYSCALE))


def curved(crop: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[: crop.shape[0], : crop.shape[1]].astype(np.float32)
    bent = y + 5 * np.sin(np.pi * x / crop.shape[1])
    return np.asarray(cv2.remap(crop, x, bent, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


@pytest.mark.parametrize("damage", [np.asarray, half, blurred, compressed, curved])
@pytest.mark.parametrize("narrowed", [1.0, 0.7])
@pytest.mark.parametrize("face", ["DejaVuSans", "DejaVuSerif-Bold", "STIXGeneral", "built-in"])
def test_characters_are_counted_neither_a_seventh_too_few_nor_half_too_many(
    face: str, narrowed: float, damage: Callable[[np.ndarray], np.ndarray]
) -> None:
    counted = squeeze.characters(damage(line(face, narrowed)))
    assert 0.86 * len(TEXT) <= counted <= 1.5 * len(TEXT)


def test_light_type_on_dark_counts_alike() -> None:
    dark, light = line("DejaVuSans"), line("DejaVuSans", ink=235, paper=0)
    assert squeeze.characters(light) == pytest.approx(squeeze.characters(dark), rel=0.05)


def test_narrow_faces_are_squeezed_less_and_condensed_ones_stretched() -> None:
    shares = []
    for narrowed in (1.0, 0.85, 0.7, 0.5):
        crop = line("DejaVuSans", narrowed)
        width = crop.shape[1]
        shares.append(squeeze.fitted(width, squeeze.characters(crop)) / width)
    assert shares == sorted(shares)
    assert shares[0] < 0.85 and shares[3] > 1.2


def test_sparse_lines_are_not_squeezed() -> None:
    assert squeeze.fitted(1000, 60) == 780
    assert squeeze.fitted(1000, 30) == 1000


@given(
    arrays.arrays(np.uint8, st.tuples(st.just(48), st.integers(1, 300)), elements=st.integers(0, 9))
)
def test_any_pixels_give_a_width_within_the_bounds(crop: np.ndarray) -> None:
    width = crop.shape[1]
    result = squeeze.fitted(width, squeeze.characters(crop))
    assert min(width, squeeze.SHORT, squeeze.LEAST * width) <= result <= squeeze.MOST * width + 1


@given(st.integers(1, 3200), st.floats(0, 400))
def test_every_character_has_room_unless_that_takes_more_than_half_again(
    width: int, characters: float
) -> None:
    room = squeeze.fitted(width, characters)
    assert room >= min(squeeze.ROOM * characters, squeeze.MOST * width) - 1
