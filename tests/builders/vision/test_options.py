"""Options of the profile that only one kind of eye has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builders.kit.graph import PythonModel
from builders.kit.recipe.profile import ProfileError, load_profile
from builders.kit.recipe.recipe import make_recipe
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


def test_every_eye_bounds_the_pixels_of_an_image(eye: tuple[str, Path], tmp_path: Path) -> None:
    source = {"source": f"path:{eye[1]}"}
    (stage,) = [
        each
        for each in make_recipe(load_profile(profile(tmp_path, source))).models
        if each.name == "preprocess"
    ]
    assert isinstance(stage, PythonModel)
    assert stage.parameters["maximum_pixels"] == "50000000"
    assert stage.options["maximum_pixels"].takes("1000000")
