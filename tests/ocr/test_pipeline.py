"""The built pipeline in this process: where its boxes lie, what its options do, what it refuses."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from rapidfuzz.distance import Levenshtein

Read = Callable[..., dict[str, Any]]
LINES = ("Harbour office, open daily", "Ring twice for the keeper", "Fees are due on arrival")


def page(scale: int = 1) -> tuple[Image.Image, list[tuple[float, float, float, float]]]:
    """Three lines, and the box of each one's ink."""
    image = Image.new("RGB", (640 * scale, 260 * scale), "white")
    draw, face = ImageDraw.Draw(image), ImageFont.load_default(30 * scale)
    boxes = []
    for number, line in enumerate(LINES):
        place = (50 * scale, (40 + 64 * number) * scale)
        draw.text(place, line, "black", face)
        boxes.append(draw.textbbox(place, line, face))
    return image, boxes


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def texts(answer: dict[str, Any]) -> tuple[str, ...]:
    return tuple(text.decode() for text in answer["text"])


@pytest.mark.parametrize("scale", [1, 3])
def test_boxes_lie_around_their_lines_in_the_images_own_pixels(read: Read, scale: int) -> None:
    image, boxes = page(scale)
    answer = read(encoded(image))
    assert texts(answer) == LINES
    assert answer["boxes"].dtype == np.float32 and answer["scores"].dtype == np.float32
    assert (answer["scores"] > 0.8).all()
    for found, (left, top, right, bottom) in zip(answer["boxes"], boxes, strict=True):
        expected = np.array(((left, top), (right, top), (right, bottom), (left, bottom)))
        assert np.abs(found - expected).max() < 16 * scale


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_boxes_of_a_turned_page_start_where_its_reading_does(read: Read, degrees: int) -> None:
    image, _ = page()
    upright, turned = read(encoded(image)), read(encoded(image.rotate(degrees, expand=True)))
    assert texts(turned) == LINES
    width, height = image.size
    x, y = upright["boxes"][..., 0], upright["boxes"][..., 1]
    moved = {90: (y, width - x), 180: (width - x, height - y), 270: (height - y, x)}[degrees]
    assert np.abs(turned["boxes"] - np.stack(moved, -1)).max() < 12


def test_boxes_of_an_exif_turned_photo_are_those_of_the_upright_image(read: Read) -> None:
    image, _ = page()
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = encoded(image.rotate(90, expand=True), "JPEG", quality=95, exif=exif)
    assert np.abs(read(photo)["boxes"] - read(encoded(image))["boxes"]).max() < 8


def test_without_orientation_an_upside_down_page_stays_so(read: Read) -> None:
    data = encoded(page()[0].rotate(180))
    assert texts(read(data)) == LINES
    assert texts(read(data, orientation=np.array([True]))) == LINES
    assert texts(read(data, orientation=np.array([False]))) != LINES


def test_the_minimum_score_and_the_maximum_side_are_heeded(read: Read) -> None:
    data = encoded(page()[0])
    assert texts(read(data, minimum_score=np.array([1.0], np.float32))) == ()
    assert texts(read(data, maximum_side=np.array([64], np.int32))) != LINES
    assert texts(read(data, maximum_side=np.array([400], np.int32))) == LINES


@pytest.mark.sampled(4)
@pytest.mark.parametrize("size", [(640, 480), (1, 1), (20_000, 3), (3, 5000), (33, 2000)])
@pytest.mark.parametrize("colour", ["white", "black"])
def test_a_page_without_text_gives_empty_outputs(
    read: Read, size: tuple[int, int], colour: str
) -> None:
    answer = read(encoded(Image.new("RGB", size, colour)))
    assert answer["text"].shape == (0,) and answer["scores"].shape == (0,)
    assert answer["boxes"].shape == (0, 4, 2)


def test_noise_and_drawings_are_no_trouble(read: Read) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    answer = read(encoded(Image.fromarray(noise)))
    assert len(answer["text"]) == len(answer["boxes"]) == len(answer["scores"])
    plan = Image.new("RGB", (500, 400), "white")
    draw = ImageDraw.Draw(plan)
    for k in range(12):
        draw.rectangle((20 + 15 * k, 20 + 12 * k, 480 - 15 * k, 380 - 12 * k), outline="black")
    assert len(read(encoded(plan))["text"]) <= 3


def test_a_line_of_twenty_thousand_pixels_is_answered(read: Read) -> None:
    image = Image.new("RGB", (20_000, 60), "white")
    ImageDraw.Draw(image).text((20, 10), LINES[0] * 30, "black", ImageFont.load_default(30))
    answer = read(encoded(image))
    assert answer["boxes"].shape[1:] == (4, 2)


def strip(words: int, size: int) -> tuple[Image.Image, str]:
    """One long line, and its text."""
    text = " ".join(f"{'abcdefgh'[k % 8]}{k}m" for k in range(words))
    face = ImageFont.load_default(size)
    left, top, right, bottom = face.getbbox(text)
    image = Image.new("RGB", (round(right - left) + 40, round(bottom - top) + 30), "white")
    ImageDraw.Draw(image).text((20 - left, 15 - top), text, "black", face)
    return image, text


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("words", "size", "width"), [(80, 30, 5000), (130, 26, 6947), (60, 70, 8000)]
)
def test_a_line_of_thousands_of_pixels_is_read_to_its_end(
    read: Read, words: int, size: int, width: int
) -> None:
    image, text = strip(words, size)
    assert image.width >= width
    answer = read(encoded(image))
    assert len(answer["text"]) == 1 and answer["boxes"][0, 1, 0] > image.width - 60
    assert Levenshtein.distance(text, texts(answer)[0]) <= 0.01 * len(text)


@pytest.mark.thorough
def test_a_long_screenshot_is_read_as_its_parts_are(read: Read) -> None:
    image = Image.new("RGB", (1080, 7000), "white")
    draw, face = ImageDraw.Draw(image), ImageFont.load_default(40)
    lines = [f"Message {k}: see you at {k + 3} or at {2 * k + 5}" for k in range(100)]
    for k, line in enumerate(lines):
        draw.text((60, 40 + 69 * k), line, "black", face)
    answer = read(encoded(image))
    assert list(texts(answer)) == lines
    tops = answer["boxes"][:, 0, 1]
    assert np.abs(tops - (40 + 69 * np.arange(100))).max() < 40


@pytest.mark.sampled(2)
@pytest.mark.parametrize("word", ["42", "Page 7"])
@pytest.mark.parametrize("size", [12, 24, 48])
def test_a_single_word_on_a_large_empty_page_is_found(read: Read, word: str, size: int) -> None:
    image = Image.new("RGB", (1920, 1080), "white")
    ImageDraw.Draw(image).text((900, 500), word, "black", ImageFont.load_default(size))
    answer = read(encoded(image))
    assert texts(answer) == (word,)
    assert np.abs(answer["boxes"][0].mean(0) - (900 + size, 500 + size / 2)).max() < 2 * size


def test_white_text_on_a_clear_ground_is_read(read: Read) -> None:
    image = Image.new("RGBA", (640, 260), (255, 255, 255, 0))
    draw, face = ImageDraw.Draw(image), ImageFont.load_default(30)
    for number, line in enumerate(LINES):
        draw.text((50, 40 + 64 * number), line, (255, 255, 255, 255), face)
    for form in ("PNG", "WEBP", "TIFF"):
        assert texts(read(encoded(image, form))) == LINES


@pytest.mark.parametrize(("dtype", "white"), [(np.int32, 255), (np.uint16, 1023)])
def test_greys_in_a_wider_type_are_read(read: Read, dtype: type, white: int) -> None:
    greys = np.asarray(page()[0].convert("L"), np.float64) * white / 255
    assert texts(read(encoded(Image.fromarray(np.rint(greys).astype(dtype)), "TIFF"))) == LINES


def document() -> list[Image.Image]:
    """Pages of several sizes, one upside down, one empty."""
    pages = [page()[0], page(2)[0].rotate(180), Image.new("RGB", (300, 200), "white")]
    last = Image.new("RGB", (1080, 2600), "white")
    ImageDraw.Draw(last).text((60, 2400), "The end", "black", ImageFont.load_default(40))
    return [*pages, last]


@pytest.mark.thorough
def test_all_pages_of_a_tiff_are_read_and_each_line_says_its_page(read: Read) -> None:
    first, *others = document()
    data = encoded(first, "TIFF", save_all=True, append_images=others)
    answer = read(data)
    assert texts(answer) == (*LINES, *LINES, "The end")
    assert answer["page_numbers"].tolist() == [1, 1, 1, 2, 2, 2, 4]
    assert answer["page_count"].tolist() == [4]
    alone = read(encoded(others[0]))
    assert np.abs(answer["boxes"][3:6] - alone["boxes"]).max() < 1
    assert 2350 < answer["boxes"][6, 0, 1] < 2450
    chosen = read(data, only_pages=np.array([2, 4], np.int32))
    assert texts(chosen) == (*LINES, "The end") and chosen["page_count"].tolist() == [4]
    assert chosen["page_numbers"].tolist() == [2, 2, 2, 4]
    assert np.abs(chosen["boxes"] - answer["boxes"][3:]).max() < 1


def test_answers_do_not_depend_on_what_was_asked_before(read: Read) -> None:
    data = encoded(page()[0])
    first = read(data)
    read(encoded(Image.new("RGB", (90, 70), "white")))
    again = read(data)
    assert all(np.array_equal(first[name], again[name]) for name in first)


@pytest.mark.parametrize(
    "options",
    [
        {"minimum_score": np.array([np.nan], np.float32)},
        {"minimum_score": np.array([-1], np.float32)},
        {"maximum_side": np.array([0], np.int32)},
        {"maximum_side": np.array([10**9], np.int32)},
    ],
)
def test_silly_options_are_refused_in_one_sentence(read: Read, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as refusal:
        read(encoded(page()[0]), **options)
    assert "/" not in str(refusal.value) and "\n" not in str(refusal.value)


@pytest.mark.parametrize("data", [b"", b"not an image", b"\x89PNG\r\n\x1a\nbroken"])
def test_what_is_no_image_is_refused_in_one_sentence(read: Read, data: bytes) -> None:
    with pytest.raises(ValueError, match="image") as refusal:
        read(data)
    assert "/" not in str(refusal.value) and "\n" not in str(refusal.value)
