"""The stage that makes patches of an image, and what its parameters do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from builders.kit.invalid_argument import InvalidArgument
from builders.vision.checkpoint.processor.read import make_processor
from builders.vision.stages.preprocess_grid import PROCESSOR_FILE, prepare
from repository.arrays import Array
from tests.builders.vision.checkpoints.grid import PROCESSOR as SETTINGS
from tests.builders.vision.checkpoints.grid import processor_alone

SIDE = SETTINGS["patch_size"]


def answer(folder: Path, height: int, width: int, **parameters: int) -> Mapping[str, Array]:
    make_processor(processor_alone(folder), folder / PROCESSOR_FILE)
    given = {"maximum_patches": 5000, "max_pixels": 0, "window": 0, "table": 0, **parameters}
    run = prepare(folder, {name: str(value) for name, value in given.items()})
    pixels = np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)
    return run({"pixels": pixels})


def test_all_that_the_tower_takes_is_of_the_image_s_grid(tmp_path: Path) -> None:
    found = answer(tmp_path, 64, 96, window=3, table=5)
    assert found["grid_thw"].tolist() == [[1, 8, 12]]
    assert found["patches"].shape == (24, 4, 3 * 2 * SIDE * SIDE)
    assert found["position_ids"][0].tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert found["windows"].shape == (4, 36)
    assert found["corners"].shape == found["corner_weights"].shape == (24, 4, 4)


def test_an_image_of_too_many_patches_is_refused_with_the_bound(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="more than the 64 allowed"):
        answer(tmp_path, 200, 300, maximum_patches=64)


def test_an_image_of_too_many_pixels_is_refused_with_the_bound(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="more than the 1000 allowed"):
        answer(tmp_path, 200, 300, maximum_pixels=1000)


def test_images_are_made_smaller_where_a_profile_says_so(tmp_path: Path) -> None:
    found = answer(tmp_path, 200, 300, maximum_patches=64, max_pixels=64 * SIDE**2)
    assert 32 <= int(found["grid_thw"].prod()) <= 64


def test_an_image_is_not_made_larger_by_that(tmp_path: Path) -> None:
    least = answer(tmp_path, 16, 16)["grid_thw"]
    assert answer(tmp_path, 16, 16, max_pixels=2**31 - 1)["grid_thw"].tolist() == least.tolist()


def test_a_long_and_narrow_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="200 times"):
        answer(tmp_path, 2, 500)
