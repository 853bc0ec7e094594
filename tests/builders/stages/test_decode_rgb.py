"""Files as Pillow converts them: what transformers reads is read, bit for bit."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from builders.kit.invalid_argument import InvalidArgument
from builders.stages.decode_rgb import decode, prepare
from tests.builders.vision.processors.pictures import MODES, drawn, opened, saved, sixteen

KINDS = [(mode, form) for mode, forms in MODES.items() for form in forms]


@given(
    st.sampled_from(KINDS),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.integers(0, 2**31),
)
def test_every_mode_format_and_orientation_is_read_as_transformers_reads_it(
    kind: tuple[str, str], size: tuple[int, int], seed: int
) -> None:
    encoded = saved(drawn(np.random.default_rng(seed), *size), *kind, seed)
    assert np.array_equal(decode(encoded, clear_is_white=False), np.asarray(opened(encoded)))


def test_an_alpha_channel_is_left_out_and_a_clear_colour_becomes_white() -> None:
    red = Image.new("RGBA", (2, 1), (200, 10, 10, 0))
    file = io.BytesIO()
    red.save(file, "PNG")
    assert decode(file.getvalue()).tolist() == [[[200, 10, 10]] * 2]
    file = io.BytesIO()
    keyed = Image.new("RGB", (2, 1), (9, 8, 7))
    keyed.putpixel((1, 0), (1, 2, 3))
    keyed.save(file, "PNG", transparency=(9, 8, 7))
    assert decode(file.getvalue()).tolist() == [[[255] * 3, [1, 2, 3]]]
    assert decode(file.getvalue(), clear_is_white=False).tolist() == [[[9, 8, 7], [1, 2, 3]]]


def test_greys_of_sixteen_bits_are_scaled_where_pillow_would_make_them_white() -> None:
    encoded = sixteen(0, 5, 7)
    greys = np.asarray(Image.open(io.BytesIO(encoded)))
    found = decode(encoded)
    assert np.abs(found[..., 0] - greys / 257).max() <= 1
    assert (found[..., :1] == found).all()
    assert (np.asarray(opened(encoded)) == 255).mean() > 0.9


def test_the_first_page_and_the_first_frame_are_read() -> None:
    pages = [Image.new("RGB", (3, 2), (grey,) * 3) for grey in (10, 20)]
    for form in ("TIFF", "GIF", "WEBP"):
        file = io.BytesIO()
        lossless = {"lossless": True} if form == "WEBP" else {}
        pages[0].save(file, form, save_all=True, append_images=pages[1:], **lossless)
        assert decode(file.getvalue()).tolist() == [[[10] * 3] * 3] * 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the image is empty"),
        (b"%PDF-1.7", "a PDF"),
        (saved(np.zeros((9, 9, 4), np.uint8), "RGB", "BMP")[:90], "truncated or corrupt"),
    ],
    ids=["empty", "PDF", "cut off"],
)
def test_what_is_no_image_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        decode(data)


def test_the_stage_bounds_the_pixels(tmp_path: Path) -> None:
    run = prepare(tmp_path, {"maximum_pixels": "80", "clear": "kept"})
    encoded = saved(np.zeros((9, 9, 4), np.uint8), "RGB", "PNG")
    with pytest.raises(InvalidArgument, match="9 x 9 pixels, more than the 80 allowed"):
        run({"image": np.frombuffer(encoded, np.uint8)})
    small = saved(np.zeros((8, 9, 4), np.uint8), "RGB", "PNG")
    assert run({"image": np.frombuffer(small, np.uint8)})["pixels"].shape == (8, 9, 3)
