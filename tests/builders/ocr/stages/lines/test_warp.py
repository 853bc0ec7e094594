"""Crops: where their pixels come from, how wide they are, what pads them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from builders.ocr.stages.crop import fill, prepare, read
from builders.ocr.stages.lines import warp

COLOURS = np.array(((250, 20, 20), (20, 250, 20), (20, 20, 250), (240, 240, 20)), np.uint8)


def canvas(size: int = 600) -> np.ndarray:
    return np.full((size, size, 3), 128, np.uint8)


def box(left: float, top: float, width: float, height: float) -> np.ndarray:
    """Corners clockwise from the top left."""
    right, bottom = left + width, top + height
    return np.array(((left, top), (right, top), (right, bottom), (left, bottom)), np.float32)


def turned(corners: np.ndarray, degrees: float, about: float = 300) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return ((corners - about) @ np.array(((c, s), (-s, c))) + about).astype(np.float32)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270, 20, -33])
@pytest.mark.parametrize("height", [20, 48, 200])
def test_the_corner_where_reading_starts_is_the_crops_top_left(
    degrees: float, height: float
) -> None:
    import cv2

    left, top, width = 300 - height, 300 - height / 2, 2 * height
    image = canvas()
    for number, (x, y) in enumerate(((0, 0), (1, 0), (1, 1), (0, 1))):
        corner = left + x * width / 2, top + y * height / 2
        part = turned(box(*corner, width / 2, height / 2), degrees)
        cv2.fillPoly(image, [np.rint(part).astype(np.int32)], COLOURS[number].tolist())
    quad = turned(box(left, top, width, height), degrees)
    assert warp.crop_widths(quad[None])[0] == 96
    crop = warp.Pyramid(image).crop(quad, 96)
    assert crop.shape == (48, 96, 3)
    seen = crop[[12, 12, 36, 36], [24, 72, 72, 24]]
    assert np.abs(seen.astype(int) - COLOURS).max() < 25


def test_large_type_is_reduced_without_aliasing() -> None:
    image = canvas(800)
    image[:, ::2], image[:, 1::2] = 0, 255
    quad = np.array(((0, 0), (800, 0), (800, 400), (0, 400)), np.float32)
    assert warp.Pyramid(image).crop(quad, 96).std() < 20


def test_a_crop_beyond_the_edge_repeats_it() -> None:
    quad = np.array(((-40, -10), (200, -10), (200, 50), (-40, 50)), np.float32)
    assert (warp.Pyramid(canvas()).crop(quad, 192) == 128).all()


def test_widths_are_bounded() -> None:
    flat = np.array(((0, 0), (5000, 0), (5000, 2), (0, 2)), np.float32)
    thin = np.array(((0, 0), (2, 0), (2, 900), (0, 900)), np.float32)
    assert warp.crop_widths(np.stack((flat, thin))).tolist() == [
        warp.LARGEST_WIDTH,
        warp.SMALLEST_WIDTH,
    ]


def test_every_line_is_found_at_its_slot_and_empty_buckets_hold_a_blank() -> None:
    image = canvas()
    quads = []
    for number, width in enumerate((60, 500, 64, 240, 62)):
        image[100 * number : 100 * number + 40, :width] = 40 * number
        quads.append(box(0, 100 * number, width, 40))
    greys = warp.Pyramid(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    crops, slots = fill(warp.Pyramid(image), greys, np.array(quads, np.float32), 4)
    assert len(crops) == 4 and slots.shape == (5, 2) and len(set(map(tuple, slots.tolist()))) == 5
    for number, (bucket, row) in enumerate(slots):
        assert abs(int(np.median(crops[bucket][row, :, :40])) - 40 * number) <= 2
        assert crops[bucket].shape[1] == 48 and crops[bucket].dtype == np.uint8
    narrow = crops[slots[0, 0]][slots[0, 1]]
    assert (narrow[:, 80:] == warp.PADDING).all()

    blanks, none = fill(warp.Pyramid(image), greys, np.zeros((0, 4, 2), np.float32), 4)
    assert none.shape == (0, 2) and all(blank.shape[0] == 1 for blank in blanks)


def test_columns_of_a_turned_page_are_read_in_its_own_frame() -> None:
    boxes = [(x, 40 + 40 * k, x + 240, 62 + 40 * k) for x in (20, 300) for k in range(8)]
    level = np.array([((a, b), (c, b), (c, d), (a, d)) for a, b, c, d in boxes], np.float32)
    for degrees in (0, 4, -30, 90, 180):
        assert read(turned(level, degrees)).tolist() == list(range(16))
    assert read(np.zeros((0, 4, 2), np.float32)).tolist() == []


@pytest.mark.parametrize("corner", [np.nan, np.inf, 1e30])
def test_what_no_step_before_gives_is_refused(corner: float) -> None:
    inputs = {
        "pixels": canvas(),
        "pages": np.array([(1, 0, *canvas().shape[:2])], np.int32),
        "sampled": np.zeros(0, np.int32),
        "quads": np.full((1, 4, 2), corner, np.float32),
        "bends": np.zeros((0, 33, 33, 2), np.float32),
        "turned": np.zeros((0, 2), np.float32),
    }
    with pytest.raises(ValueError, match="expected quads near the image"):
        prepare(Path(), {"buckets": "4"})(inputs)


def test_lines_of_a_picture_longer_than_opencv_counts_are_cut_out_of_it() -> None:
    picture = np.random.default_rng(2).integers(0, 256, (60, 40_000, 3), np.uint8)
    picture = cv2.blur(picture, (9, 9))
    quad = np.array([[35_010, 4], [35_210, 4], [35_210, 52], [35_010, 52]], np.float32)
    part = warp.Pyramid(picture[:, 35_000:36_000]).crop(
        quad - np.array((35_000, 0), np.float32), 200
    )
    cut = warp.Pyramid(picture).crop(quad, 200)
    assert np.abs(cut.astype(int) - part).max() <= 2
    whole = np.array([[0, 0], [40_000, 0], [40_000, 60], [0, 60]], np.float32)
    shown = warp.Pyramid(picture).crop(whole, 3200)
    assert shown.shape == (48, 3200, 3) and shown.std() > 1
    assert warp.Pyramid(picture).crop(quad + np.float32(90_000), 200).shape == (48, 200, 3)
