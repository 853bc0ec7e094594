"""The largest photograph of each kind of eye: its stage takes it, and makes the most of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders.kit.invalid_argument import InvalidArgument
from builders.vision.checkpoint.processor.output import most_tiles
from builders.vision.checkpoint.processor.read import make_processor
from builders.vision.largest import largest_in
from builders.vision.stages import preprocess, preprocess_grid, preprocess_naflex
from repository.config.proto import pb
from repository.config.text import read_config, to_text

NEXT = {"size": {"shortest_edge": 336}, "crop_size": {"height": 336, "width": 336}}
PAN = {
    "do_pan_and_scan": True,
    "pan_and_scan_min_crop_size": 256,
    "pan_and_scan_max_num_crops": 4,
    "pan_and_scan_min_ratio_to_activate": 1.2,
}


def written(folder: Path, name: str, **settings: Any) -> dict[str, Any]:
    """What the stage gets of a checkpoint whose processor is of that class."""
    folder.mkdir()
    content = json.dumps({"image_processor_type": name, **settings})
    (folder / "preprocessor_config.json").write_text(content)
    make_processor(folder, folder / "made.json")
    return dict(json.loads((folder / "made.json").read_text()))


def model(folder: Path, name: str, **parameters: object) -> Path:
    """A model's folder with such parameters; its version folder."""
    config = pb.ModelConfig(name=name)
    for key, value in parameters.items():
        config.parameters[key].string_value = str(value)
    (folder / name / "1").mkdir(parents=True)
    (folder / name / "config.pbtxt").write_text(to_text(config))
    return folder / name / "1"


def repository(folder: Path, settings: Mapping[str, Any], **parameters: object) -> Path:
    """What is read of a built one."""
    model(folder, "decode_rgb", clear="white", maximum_pixels=20_000_000)
    name = preprocess.PROCESSOR_FILE if "kind" in settings else preprocess_naflex.PROCESSOR_FILE
    version = model(folder, "preprocess", maximum_pixels=50_000_000, **parameters)
    (version / name).write_text(json.dumps(settings))
    return folder


def stage(folder: Path, height: int, width: int) -> Mapping[str, Any]:
    """What the stage makes of an image of that size."""
    config = read_config(folder / "preprocess" / "config.pbtxt")
    given = {key: value.string_value for key, value in config.parameters.items()}
    module = preprocess_grid if "max_pixels" in given else preprocess
    run = module.prepare(folder / "preprocess" / "1", given)
    found: Mapping[str, Any] = run({"pixels": np.zeros((height, width, 3), np.uint8)})
    return found


@pytest.mark.parametrize(
    ("name", "settings", "most"),
    [
        ("LlavaNextImageProcessor", NEXT, 5),
        ("LlavaOnevisionImageProcessor", {}, 37),
        ("GotOcr2ImageProcessor", {"crop_to_patches": True}, 13),
        ("GotOcr2ImageProcessor", {"crop_to_patches": True, "max_patches": 5}, 6),
        ("Idefics3ImageProcessor", {}, 17),
        ("Gemma3ImageProcessor", PAN, 5),
        ("Gemma3ImageProcessor", {}, 1),
    ],
    ids=["next", "onevision", "internvl", "few", "idefics3", "gemma3", "whole"],
)
def test_an_eye_of_tiles_makes_the_most_of_them(
    name: str, settings: dict[str, Any], most: int, tmp_path: Path
) -> None:
    read = written(tmp_path / "checkpoint", name, **settings)
    assert most_tiles(read["kind"], read) == most
    found = largest_in(repository(tmp_path, read, maximum_tiles=most))
    assert found.made == f"{most} tiles"
    assert 11_900_000 < found.width * found.height <= 12_000_000
    assert len(stage(tmp_path, found.height, found.width)["pixel_values"]) == most


@pytest.mark.parametrize("most", [1, 3, 5, 12])
def test_an_eye_of_fewer_tiles_makes_no_more(most: int, tmp_path: Path) -> None:
    read = written(tmp_path / "checkpoint", "GotOcr2ImageProcessor", crop_to_patches=True)
    found = largest_in(repository(tmp_path, read, maximum_tiles=most))
    assert found.made == f"{most} tiles"
    assert len(stage(tmp_path, found.height, found.width)["pixel_values"]) == most


def test_tiles_of_more_pixels_than_are_allowed_are_not_asked_for(tmp_path: Path) -> None:
    read = written(tmp_path / "checkpoint", "LlavaNextImageProcessor", **NEXT)
    made = repository(tmp_path, read, maximum_tiles=5)
    model(tmp_path / "less", "decode_rgb", maximum_pixels=1_000_000)
    version = model(tmp_path / "less", "preprocess", maximum_pixels=336 * 672, maximum_tiles=5)
    (version / preprocess.PROCESSOR_FILE).write_text(json.dumps(read))
    assert largest_in(made).made == "5 tiles"
    found = largest_in(tmp_path / "less")
    assert found.made == "3 tiles"
    assert found.width * found.height <= 1_000_000
    assert len(stage(tmp_path / "less", found.height, found.width)["pixel_values"]) == 3


def test_an_eye_that_interpolates_is_asked_what_it_takes(tmp_path: Path) -> None:
    read = written(tmp_path / "checkpoint", "SiglipImageProcessor", do_resize=False)
    found = largest_in(repository(tmp_path, read, maximum_patches=5120, patch_size=16))
    patches = (found.width // 16) * (found.height // 16)
    assert patches <= 5120 < 4 * patches
    seen = stage(tmp_path, found.height, found.width)["pixel_values"].shape
    assert seen == (3, found.height, found.width)


@pytest.mark.parametrize(
    ("patches", "max_pixels", "expected"),
    [(5120, 0, 5120), (1024, 0, 1024), (16384, 1_003_520, 5120), (16384, 0, 5120)],
)
def test_an_eye_of_grids_takes_as_many_patches_as_it_may(
    patches: int, max_pixels: int, expected: int, tmp_path: Path
) -> None:
    longest = 28 * 28 * (1280 if patches == 16384 else 16384)
    size = {"shortest_edge": 56 * 56, "longest_edge": longest}
    read = written(tmp_path / "checkpoint", "Qwen2VLImageProcessor", size=size)
    tower = {"window": 0, "table": 0}
    made = repository(tmp_path, read, maximum_patches=patches, max_pixels=max_pixels, **tower)
    found = largest_in(made)
    assert found.made == f"{expected} patches"
    assert 1 <= found.width / found.height <= 2
    grid = stage(tmp_path, found.height, found.width)["grid_thw"]
    assert int(grid.prod()) == expected
    if patches < 16384:
        with pytest.raises(InvalidArgument, match=f"more than the {patches} allowed"):
            stage(tmp_path, 3000, 4000)
    else:
        # Larger ones are made smaller, so that reading the file takes the most.
        assert found.width * found.height > 8_000_000


def test_where_all_images_are_alike_it_is_the_one_of_the_most_pixels(tmp_path: Path) -> None:
    fixed = written(tmp_path / "clip", "CLIPImageProcessor")
    found = largest_in(repository(tmp_path / "fixed", fixed))
    assert (found.width, found.height, found.made) == (4000, 3000, "")
    assert str(found) == "a photograph of 4000x3000 pixels"
    naflex = written(tmp_path / "naflex", "Siglip2ImageProcessor")
    del naflex["kind"]
    found = largest_in(repository(tmp_path / "patches", {**naflex, "side": 16}))
    assert (found.width, found.height) == (4000, 3000)


def test_a_server_that_reads_only_smaller_files_is_not_sent_larger_ones(tmp_path: Path) -> None:
    version = model(
        tmp_path,
        "decode_rgb_preprocess_uint8",
        **{"decode_rgb.maximum_pixels": 1_000_000, "preprocess_uint8.maximum_pixels": 50_000_000},
    )
    settings = written(tmp_path / "checkpoint", "CLIPImageProcessor")
    (version / preprocess.PROCESSOR_FILE).write_text(json.dumps(settings))
    found = largest_in(tmp_path)
    assert 990_000 < found.width * found.height <= 1_000_000


def test_the_photograph_is_of_that_size(tmp_path: Path) -> None:
    from io import BytesIO

    from PIL import Image

    model(tmp_path, "decode_rgb", maximum_pixels=10_000)
    version = model(tmp_path, "preprocess", maximum_pixels=50_000_000)
    settings = written(tmp_path / "checkpoint", "CLIPImageProcessor")
    (version / preprocess.PROCESSOR_FILE).write_text(json.dumps(settings))
    found = largest_in(tmp_path)
    assert Image.open(BytesIO(found.encoded())).size == (found.width, found.height)


def test_nothing_is_known_of_a_repository_without_an_eye(tmp_path: Path) -> None:
    assert str(largest_in(tmp_path)) == "a photograph of 4000x3000 pixels"
