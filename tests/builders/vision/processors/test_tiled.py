"""Processors that cut an image into tiles: equal to transformers' own, every float of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from builders.kit.invalid_argument import InvalidArgument
from builders.vision.checkpoint.processor.read import read_processor
from builders.vision.stages.processors import tiles
from tests.builders.vision.processors.compared import (
    agree,
    pixels_of,
    read,
    same,
    stage,
    theirs,
    written,
)
from tests.builders.vision.processors.pictures import Files, few, many

_NEXT = {"image_grid_pinpoints": [[64, 128], [128, 64], [128, 128], [192, 64], [64, 192]]}
_SIDE = {"height": 48, "width": 48}
_PAN = {
    "do_pan_and_scan": True,
    "pan_and_scan_min_crop_size": 24,
    "pan_and_scan_max_num_crops": 4,
    "pan_and_scan_min_ratio_to_activate": 1.2,
}
_IDEFICS = {"size": {"longest_edge": 4 * 56}, "max_image_size": {"longest_edge": 56}}

PROCESSORS: list[tuple[str, dict[str, Any]]] = [
    ("LlavaNextImageProcessor", {"size": {"shortest_edge": 64}, "crop_size": 64, **_NEXT}),
    ("LlavaNextImageProcessor", {"size": 64, "do_center_crop": False, "crop_size": 64, **_NEXT}),
    (
        "LlavaNextImageProcessor",
        {"size": 72, "crop_size": 64, "image_grid_pinpoints": [[64, 128], [192, 64]]},
    ),
    (
        "LlavaOnevisionImageProcessor",
        {"size": _SIDE, "image_grid_pinpoints": [[48 * a, 48 * b] for a in (1, 3) for b in (1, 2)]},
    ),
    ("GotOcr2ImageProcessor", {"size": _SIDE, "crop_to_patches": True}),
    ("GotOcr2ImageProcessor", {"size": _SIDE}),
    (
        "GotOcr2ImageProcessor",
        {"size": _SIDE, "crop_to_patches": True, "min_patches": 3, "max_patches": 5},
    ),
    ("Idefics3ImageProcessor", _IDEFICS),
    ("Idefics3ImageProcessor", {**_IDEFICS, "do_image_splitting": False}),
    (
        "Idefics3ImageProcessor",
        {"size": {"longest_edge": 95}, "max_image_size": {"longest_edge": 19}},
    ),
    ("SmolVLMImageProcessor", {**_IDEFICS, "size": {"height": 100, "width": 170}, "resample": 2}),
    ("SmolVLMImageProcessor", {**_IDEFICS, "do_image_splitting": False, "do_resize": False}),
    ("Gemma3ImageProcessor", {"size": _SIDE, **_PAN}),
    ("Gemma3ImageProcessor", {"size": 32}),
]

SHIPPED: list[tuple[str, dict[str, Any]]] = [
    ("LlavaNextImageProcessor", {"size": {"shortest_edge": 336}, "crop_size": 336}),
    ("LlavaOnevisionImageProcessor", {}),
    ("GotOcr2ImageProcessor", {"crop_to_patches": True}),
    ("Idefics3ImageProcessor", {}),
    (
        "SmolVLMImageProcessor",
        {"size": {"longest_edge": 2048}, "max_image_size": {"longest_edge": 512}},
    ),
    ("Gemma3ImageProcessor", {**_PAN, "pan_and_scan_min_crop_size": 256}),
]
"""As checkpoints have them, or their classes."""


def check(folder: Path, name: str, settings: dict[str, Any], files: Files) -> None:
    """The same as transformers on so many files, and never more tiles than were announced; what it
    fails on is refused."""
    own, his = written(folder, name, **settings), theirs(name, **settings)
    most = read_processor(folder).most_tiles
    for what, encoded in files:
        pixels = pixels_of(encoded, own)
        both = agree(his, encoded, partial(tiles.process, own, pixels, 64, 200_000_000))
        if both is None:
            continue
        answer, (found, tiling) = both
        expected = np.asarray(answer["pixel_values"])
        assert same(found, expected.reshape(-1, *expected.shape[-3:])), f"{name}: {what}"
        assert tiling.dtype == np.int32
        rows, columns, *size = tiling.tolist()
        assert size == list(pixels.shape[:2])
        assert rows * columns + 1 == len(found) <= most


@pytest.mark.parametrize(("name", "settings"), PROCESSORS)
def test_some_images_become_the_tiles_that_transformers_makes(
    name: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    check(tmp_path, name, settings, few())


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "settings"), PROCESSORS)
def test_two_hundred_images_become_the_tiles_that_transformers_makes(
    name: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    check(tmp_path, name, settings, many())


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "settings"), SHIPPED)
def test_processors_as_checkpoints_have_them_give_the_same(
    name: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    check(tmp_path, name, settings, many()[:30])


def test_the_stage_gives_the_tiles_and_how_they_lie(tmp_path: Path) -> None:
    settings = {"size": _SIDE, **_PAN}
    run = stage(tmp_path, "Gemma3ImageProcessor", settings)
    pixels = np.random.default_rng(4).integers(0, 256, (40, 200, 3), np.uint8)
    found = run({"pixels": pixels})
    expected, tiling = tiles.process(read(tmp_path), pixels, 99)
    assert same(found["pixel_values"], expected) and same(found["tiling"], tiling)
    assert tiling.tolist() == [1, 4, 40, 200]
    run = stage(tmp_path, "Gemma3ImageProcessor", settings, maximum_tiles="2")
    with pytest.raises(InvalidArgument, match=r"5 tiles, more than the 2 allowed"):
        run({"pixels": pixels})


def test_rows_and_columns_are_those_of_transformers(tmp_path: Path) -> None:
    own = written(tmp_path, "Idefics3ImageProcessor", **_IDEFICS)
    his = theirs("Idefics3ImageProcessor", **_IDEFICS)
    for shape in ((40, 300), (300, 40), (1, 700), (555, 401)):
        image = Image.new("RGB", shape)
        said = his(image, return_row_col_info=True)
        tiling = tiles.process(own, np.asarray(image), 64)[1]
        assert [tiling[0], tiling[1]] == [said["rows"][0][0], said["cols"][0][0]]


@pytest.mark.parametrize(("name", "settings"), SHIPPED)
def test_an_image_of_too_many_tiles_is_refused_with_the_bound(
    name: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    own = written(tmp_path, name, **settings)
    panorama = np.zeros((300, 3000, 3), np.uint8)
    with pytest.raises(InvalidArgument, match=r"3000 x 300 pixels.*tiles, more than the 1 allowed"):
        tiles.process(own, panorama, 1)
