"""Processors that cut an image into patches: equal to transformers' own, every float of them."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders.kit.invalid_argument import InvalidArgument
from builders.vision.stages import preprocess_naflex
from builders.vision.stages.processors import grid_patches as grid
from builders.vision.stages.processors import naflex
from tests.builders.vision.processors.compared import agree, pixels_of, same, theirs, written
from tests.builders.vision.processors.pictures import Files, few, many

GRID, NAFLEX = "Qwen2VLImageProcessor", "Siglip2ImageProcessor"

_SMALL = {"shortest_edge": 28 * 28 * 2, "longest_edge": 28 * 28 * 40}

MOST = 16_384
"""Patches of an image."""

GRID_SETTINGS: list[dict[str, Any]] = [
    {"size": _SMALL},
    {"min_pixels": 64 * 64, "max_pixels": 160 * 160, "patch_size": 16},
    {"size": _SMALL, "patch_size": 7, "merge_size": 3, "temporal_patch_size": 1, "resample": 2},
]

NAFLEX_SETTINGS: list[dict[str, Any]] = [
    {"max_num_patches": 64, "patch_size": 8},
    {"patch_size": 5, "max_num_patches": 40, "resample": 3, "image_mean": [0.4, 0.5, 0.6]},
]


def check_grid(folder: Path, settings: dict[str, Any], files: Files) -> None:
    """The same as transformers on so many files; what it fails on is refused."""
    own = written(folder, GRID, **settings)
    his = theirs(GRID, **settings)
    for what, encoded in files:
        run = partial(grid.process, own, pixels_of(encoded, own), MOST)
        if (both := agree(his, encoded, run)) is None:
            continue
        answer, (found, size) = both
        assert same(found, answer["pixel_values"]), what
        assert same(size, answer["image_grid_thw"]), what


def check_naflex(folder: Path, settings: dict[str, Any], files: Files) -> None:
    """The same as transformers on so many files; what it fails on is refused."""
    own = written(folder, NAFLEX, **settings)
    his = theirs(NAFLEX, **settings)
    for what, encoded in files:
        run = partial(naflex.process, own, pixels_of(encoded, own))
        if (both := agree(his, encoded, run)) is None:
            continue
        answer, (found, rows, columns) = both
        assert [rows, columns] == answer["spatial_shapes"][0].tolist(), what
        assert answer["pixel_attention_mask"][0].sum() == rows * columns == len(found)
        assert same(found, answer["pixel_values"][0, : len(found)]), what


@pytest.mark.parametrize("settings", GRID_SETTINGS)
def test_some_images_become_the_grid_that_transformers_makes(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    check_grid(tmp_path, settings, few())


@pytest.mark.parametrize("settings", NAFLEX_SETTINGS)
def test_some_images_become_the_patches_that_transformers_makes(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    check_naflex(tmp_path, settings, few())


@pytest.mark.thorough
@pytest.mark.parametrize("settings", [*GRID_SETTINGS, {}])
def test_two_hundred_images_become_the_grid_that_transformers_makes(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    check_grid(tmp_path, settings, many())


@pytest.mark.thorough
@pytest.mark.parametrize("settings", [*NAFLEX_SETTINGS, {}])
def test_two_hundred_images_become_the_patches_that_transformers_makes(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    check_naflex(tmp_path, settings, many())


def test_an_image_of_too_many_patches_is_refused_with_the_bound(tmp_path: Path) -> None:
    own = written(tmp_path, "Qwen2VLImageProcessor")
    with pytest.raises(InvalidArgument, match=r"in 4988 patches, more than the 4000 allowed"):
        grid.process(own, np.zeros((2000, 3000, 3), np.uint8), maximum_patches=4000)


def test_an_image_of_too_many_pixels_is_refused_with_the_bound(tmp_path: Path) -> None:
    own = written(tmp_path, "Siglip2ImageProcessor")
    prepare = preprocess_naflex.prepare
    (tmp_path / preprocess_naflex.PROCESSOR_FILE).write_text(json.dumps({**own, "side": 16}))
    inputs = {"pixels": np.zeros((200, 300, 3), np.uint8)}
    assert len(prepare(tmp_path, {"maximum_pixels": "65536"})(inputs)["patches"]) == 256
    with pytest.raises(InvalidArgument, match="more than the 50000 allowed"):
        prepare(tmp_path, {"maximum_pixels": "50000"})(inputs)
