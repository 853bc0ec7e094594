"""The built pipeline in this process: where its boxes lie, what its options do, what it refuses."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

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
