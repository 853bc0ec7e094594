"""A processor's file: completed as transformers would, or refused in a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import transformers

from builders.kit.sources.error import SourceError
from builders.vision.checkpoint.processor.classes import CLASSES
from builders.vision.checkpoint.processor.read import make_processor, read_processor
from tests.builders.vision.processors import test_fixed, test_patches, test_tiled
from tests.builders.vision.processors.compared import theirs


def folder(path: Path, content: Any, name: str = "preprocessor_config.json") -> Path:
    path.mkdir(exist_ok=True)
    (path / name).write_text(json.dumps(content), "utf-8")
    return path


def refused(path: Path, **how: Any) -> str:
    with pytest.raises(SourceError) as caught:
        read_processor(path, **how)
    text = str(caught.value)
    assert "\n" not in text and str(path) in text
    return text


@pytest.mark.parametrize("name", CLASSES)
def test_defaults_are_those_of_transformers(name: str) -> None:
    own, his = CLASSES[name].defaults, getattr(transformers, f"{name}Pil")
    found = {key: getattr(his, key, None) for key in own}
    for key, value in own.items():
        assert (list(value) if isinstance(value, tuple) else value) == found[key], key
    # Nothing else decides what it makes of an image.
    others = {"do_convert_rgb", "data_format", "input_data_format", "device", "return_tensors"}
    others |= {"disable_grouping", "image_seq_length", "return_row_col_info"}
    others |= {"min_pixels", "max_pixels"}
    assert set(his.valid_kwargs.__annotations__) <= set(own) | others


@pytest.mark.parametrize("name", [name for name, own in CLASSES.items() if own.kind != "anyres"])
def test_what_transformers_saves_is_read_as_it_was(name: str, tmp_path: Path) -> None:
    his = theirs(name)
    his.save_pretrained(tmp_path)
    found = read_processor(tmp_path)
    assert found.name == name
    for key, value in found.settings.items():
        said = getattr(his, key)
        said = dict(said) if hasattr(said, "keys") or hasattr(said, "shortest_edge") else said
        if isinstance(said, tuple):
            said = list(said)
        assert value == said or (not value and not said), key


@pytest.mark.parametrize(
    "given",
    [
        {"image_processor_type": "CLIPImageProcessorFast"},
        {"image_processor_type": "CLIPImageProcessorPil"},
        {"feature_extractor_type": "CLIPFeatureExtractor", "size": 224, "crop_size": 224},
        {"image_processor_type": "CLIPImageProcessor", "do_resize": None, "image_mean": None},
    ],
)
def test_old_files_and_names_of_backends_are_read(given: dict[str, Any], tmp_path: Path) -> None:
    plain = folder(tmp_path / "plain", {"image_processor_type": "CLIPImageProcessor"})
    found, expected = read_processor(folder(tmp_path / "given", given)), read_processor(plain)
    assert (found.name, found.settings) == (expected.name, expected.settings)
    assert found.size == (224, 224)


def test_a_nested_processor_goes_first(tmp_path: Path) -> None:
    folder(tmp_path, {"image_processor_type": "CLIPImageProcessor"})
    nested = {"image_processor_type": "SiglipImageProcessor", "size": {"height": 32, "width": 32}}
    folder(tmp_path, {"image_processor": nested}, "processor_config.json")
    assert read_processor(tmp_path).size == (32, 32)
    folder(tmp_path, {"processor_class": "LlavaProcessor"}, "processor_config.json")
    assert read_processor(tmp_path).name == "CLIPImageProcessor"


def test_a_file_without_a_class_has_the_one_of_its_model(tmp_path: Path) -> None:
    folder(tmp_path, {"size": {"height": 64, "width": 64}})
    folder(tmp_path, {"model_type": "siglip"}, "config.json")
    assert read_processor(tmp_path).name == "SiglipImageProcessor"
    early = {"image_processor_type": "Qwen2_5_VLImageProcessor", "max_pixels": 10_000}
    folder(tmp_path, early)
    found = read_processor(tmp_path)
    assert (found.name, found.settings["size"]["longest_edge"]) == ("Qwen2VLImageProcessor", 10_000)


def test_what_the_stage_gets_is_written(tmp_path: Path) -> None:
    folder(tmp_path, {"image_processor_type": "SiglipImageProcessor"})
    assert make_processor(tmp_path, tmp_path / "out") == {"image_processor": "SiglipImageProcessor"}
    assert json.loads((tmp_path / "out").read_text("utf-8"))["kind"] == "fixed"


CLIP = {"image_processor_type": "CLIPImageProcessor"}
NEXT = {"image_processor_type": "LlavaNextImageProcessor"}
QWEN = {"image_processor_type": "Qwen2VLImageProcessor"}
INTERN = {"image_processor_type": "GotOcr2ImageProcessor", "crop_to_patches": True}
GEMMA = {"image_processor_type": "Gemma3ImageProcessor"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            {"image_processor_type": "PixtralImageProcessor"},
            "that is served for this kind of tower",
        ),
        ({}, "found None"),
        (CLIP | {"crop_size": 0}, "preprocessor_config.json, crop_size: 0 (expected height and"),
        (CLIP | {"crop_size": {"height": 8}}, "crop_size:"),
        (CLIP | {"size": {"longest_edge": 8}}, "size:"),
        (CLIP | {"size": "large"}, 'size: "large"'),
        (CLIP | {"size": 10**9}, "whole numbers from 1 to 16384"),
        (CLIP | {"image_mean": [0.5, 0.5]}, "image_mean: [0.5, 0.5] (expected three numbers"),
        (CLIP | {"image_std": [0.5, 0, 0.5]}, "image_std:"),
        (CLIP | {"image_std": [0.5, True, 0.5]}, "image_std:"),
        (CLIP | {"resample": 6}, "resample: 6 (expected one of Pillow's filters"),
        (CLIP | {"resample": True}, "resample:"),
        (CLIP | {"rescale_factor": 0}, "rescale_factor: 0"),
        (CLIP | {"do_resize": "yes"}, 'do_resize: "yes" (expected true or false'),
        (CLIP | {"use_square_size": True}, "use_square_size:"),
        (CLIP | {"do_pad": True, "pad_size": 400}, "pad_size: 400"),
        (CLIP | {"size": 0, "resample": 9}, "resample: 9 (expected one of Pillow's filters"),
        (NEXT, "image_grid_pinpoints: none (expected multiples of 224, the side of a tile"),
        (NEXT | {"image_grid_pinpoints": [[336]]}, "a list of heights and widths"),
        (QWEN | {"do_resize": False}, "do_resize: false (expected true"),
        (QWEN | {"size": {"min_pixels": 1, "max_pixels": 9}}, "shortest_edge and longest_edge"),
        (QWEN | {"min_pixels": 9000, "max_pixels": 100}, "at most longest_edge"),
        (QWEN | {"patch_size": 0}, "patch_size: 0"),
        (INTERN | {"max_patches": ""}, 'max_patches: "" (expected a whole number from 1 to 1000'),
        (INTERN | {"max_patches": 2, "min_patches": 3}, "min_patches: 3"),
        (GEMMA | {"do_pan_and_scan": True}, "pan_and_scan_min_crop_size: none"),
    ],
)
def test_settings_that_are_not_carried_are_refused(
    content: dict[str, Any], words: str, tmp_path: Path
) -> None:
    assert words in refused(folder(tmp_path, content))


@pytest.mark.parametrize(
    ("content", "how", "words"),
    [
        (CLIP, {"side": 336}, "crop_size: none (expected 336 x 336, the image_size of the tower"),
        (CLIP | {"do_center_crop": False}, {"side": 224}, "size: none (expected 224 x 224"),
        (
            CLIP | {"do_center_crop": False, "do_resize": False},
            {"side": 224},
            "do_resize: false (expected true, to 224 x 224",
        ),
        ({"image_processor_type": "Idefics3ImageProcessor"}, {"side": 8}, "max_image_size: none"),
        (QWEN, {"patch": 16}, "patch_size: none (expected 16, the patch_size of the tower"),
        (QWEN, {"kinds": ("fixed",)}, "found Qwen2VLImageProcessor"),
    ],
)
def test_settings_that_contradict_the_tower_are_refused(
    content: dict[str, Any], how: dict[str, Any], words: str, tmp_path: Path
) -> None:
    assert words in refused(folder(tmp_path, content), **how)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    said = refused(folder(tmp_path, CLIP | {"size": 0, "resample": 9, "image_mean": "grey"}))
    assert all(f"preprocessor_config.json, {key}:" in said for key in ("size", "resample"))
    assert "image_mean" in said


def test_a_folder_without_a_processor_says_which_file_it_wants(tmp_path: Path) -> None:
    assert "preprocessor_config.json), found none" in refused(tmp_path)


def test_two_hundred_images_are_compared_for_every_class() -> None:
    compared = {name for name, _ in (*test_fixed.PROCESSORS, *test_tiled.PROCESSORS)}
    assert compared | {test_patches.GRID, test_patches.NAFLEX} == CLASSES.keys()
