"""Options of the profile that only one kind of eye has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders.kit.graph import PythonModel
from builders.kit.invalid_argument import InvalidArgument
from builders.kit.recipe.profile import ProfileError, load_profile
from builders.kit.recipe.recipe import make_recipe
from builders.vision.checkpoint.processor.read import make_processor
from builders.vision.stages.preprocess import PROCESSOR_FILE, prepare
from tests.builders.vision.building import profile
from tests.builders.vision.checkpoints import fixed, grid, tiled, tokenizers

Make = Callable[[Path], Path]


def siglip2(folder: Path) -> Path:
    return tokenizers.siglip(fixed.siglip2(folder), padding_side="right")


EYES: dict[str, Make] = {
    "fixed": fixed.llava,
    "naflex": siglip2,
    "tiled": tiled.internvl,
    "grid": grid.qwen2_vl,
}
HAVE: dict[str, tuple[str, str, object]] = {
    "interpolate": ("fixed", "sees images of one size", True),
    "maximum_tiles": ("tiled", "sees an image in tiles", 3),
    "maximum_patches": ("grid", "sees an image in patches of a grid", 100),
}


@pytest.fixture(scope="module", params=EYES)
def eye(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A kind, and a checkpoint of it."""
    return request.param, EYES[request.param](tmp_path_factory.mktemp(request.param) / "eye")


def test_an_option_that_the_eye_does_not_have_is_refused(
    eye: tuple[str, Path], tmp_path: Path
) -> None:
    kind, checkpoint = eye
    for option, (of, words, value) in HAVE.items():
        asked = load_profile(profile(tmp_path, {"source": f"path:{checkpoint}", option: value}))
        if kind == of:
            make_recipe(asked)
            continue
        with pytest.raises(ProfileError) as caught:
            make_recipe(asked)
        (finding,) = caught.value.findings
        assert f"families.vision.{option}" in finding.where
        assert words in finding.expected and words not in finding.found


def stage_of(folder: Path, options: dict[str, object]) -> PythonModel:
    """The stage ``preprocess`` of a profile."""
    models = make_recipe(load_profile(profile(folder, options))).models
    (stage,) = [each for each in models if each.name == "preprocess"]
    assert isinstance(stage, PythonModel)
    return stage


def test_an_eye_that_interpolates_bounds_the_patches_of_an_image(tmp_path: Path) -> None:
    checkpoint = fixed.siglip(tmp_path / "eye")
    tokenizers.siglip(checkpoint)
    fixed.edit(checkpoint, "preprocessor_config.json", do_resize=False)
    source: dict[str, object] = {"source": f"path:{checkpoint}", "interpolate": True}
    assert stage_of(tmp_path, source).parameters["maximum_patches"] == "5120"
    stage = stage_of(tmp_path, {**source, "maximum_patches": 20})
    make_processor(checkpoint, tmp_path / PROCESSOR_FILE)
    run = prepare(tmp_path, stage.parameters)
    patch = int(stage.parameters["patch_size"])

    def seen(rows: int, columns: int) -> tuple[int, ...]:
        pixels = np.zeros((rows * patch, columns * patch, 3), np.uint8)
        return run({"pixels": pixels})["pixel_values"].shape

    assert seen(4, 5) == (3, 4 * patch, 5 * patch)
    for rows, columns in ((3, 7), (1, 21), (400, 1)):
        with pytest.raises(InvalidArgument, match="more than the 20 allowed"):
            seen(rows, columns)


def test_an_eye_that_does_not_interpolate_is_told_who_has_the_option(tmp_path: Path) -> None:
    source = f"path:{fixed.llava(tmp_path / 'eye')}"
    with pytest.raises(ProfileError, match="or that interpolates, as no other"):
        stage_of(tmp_path, {"source": source, "maximum_patches": 20})


def test_an_eye_of_one_size_has_no_patches_to_bound(tmp_path: Path) -> None:
    stage = stage_of(tmp_path, {"source": f"path:{fixed.llava(tmp_path / 'eye')}"})
    assert "maximum_patches" not in stage.parameters


def test_every_eye_bounds_the_pixels_of_an_image(eye: tuple[str, Path], tmp_path: Path) -> None:
    stage = stage_of(tmp_path, {"source": f"path:{eye[1]}"})
    assert stage.parameters["maximum_pixels"] == "50000000"
    assert stage.options["maximum_pixels"].takes("1000000")
