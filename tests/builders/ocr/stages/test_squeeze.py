"""How narrow crops become, from the strokes in them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageDraw

from builders.ocr.stages import squeeze
from perf.ocr_pages import font

TEXT = "The goods leave our warehouse in the north on Monday, 14 boxes of paper"


def line(face: str, narrowed: float = 1.0, ink: int = 20, paper: int = 255) -> np.ndarray:
    """A line of text as the recogniser's undistorted crop, [48, width]."""
    drawn = font(face, 36)
    width = round(drawn.getlength(TEXT)) + 12
    image = Image.new("L", (width, 48), paper)
    ImageDraw.Draw(image).text((6, 2), TEXT, font=drawn, fill=ink)
    return np.asarray(image.resize((round(width * narrowed), 48)))


@pytest.mark.parametrize("narrowed", [1.0, 0.7])
@pytest.mark.parametrize("face", ["DejaVuSans", "DejaVuSerif-Bold", "STIXGeneral", "built-in"])
def test_characters_are_counted_within_a_quarter(face: str, narrowed: float) -> None:
    assert squeeze.characters(line(face, narrowed)) == pytest.approx(len(TEXT), rel=0.25)


def test_light_type_on_dark_counts_alike() -> None:
    dark, light = line("DejaVuSans"), line("DejaVuSans", ink=235, paper=0)
    assert squeeze.characters(light) == pytest.approx(squeeze.characters(dark), rel=0.05)


def test_narrow_faces_are_squeezed_less() -> None:
    shares = []
    for narrowed in (1.0, 0.85, 0.7):
        crop = line("DejaVuSans", narrowed)
        width = crop.shape[1]
        shares.append(squeeze.squeezed(width, squeeze.characters(crop)) / width)
    assert shares == sorted(shares)
    assert shares[0] < 0.75 < shares[2]


@given(
    arrays.arrays(np.uint8, st.tuples(st.just(48), st.integers(1, 300)), elements=st.integers(0, 9))
)
def test_any_pixels_give_a_width_within_the_bounds(crop: np.ndarray) -> None:
    width = crop.shape[1]
    result = squeeze.squeezed(width, squeeze.characters(crop))
    assert min(width, squeeze.SHORT) <= result <= width


@given(st.integers(1, 3200), st.floats(0, 400), st.floats(0, 400))
def test_more_characters_never_get_less_room(width: int, some: float, more: float) -> None:
    some, more = sorted((some, more))
    assert squeeze.squeezed(width, some) <= squeeze.squeezed(width, more)
