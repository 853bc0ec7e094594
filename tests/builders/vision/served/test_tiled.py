"""Eyes that see an image in tiles, built from a folder, in this process and by a real Triton."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpc
from PIL import Image
from tritonclient.utils import InferenceServerException

from builders.kit.build.build import build
from builders.kit.build.dry_run import dry_run
from builders.kit.recipe.profile import Profile, ProfileError, load_profile
from builders.kit.tasks.cache import Cache
from repository.arrays import Array, Arrays
from runtime.inprocess import InProcess
from tests.builders.onnx.files import Told
from tests.builders.vision.checkpoints.fixed import edit
from tests.builders.vision.checkpoints.seen import Seen, images
from tests.builders.vision.checkpoints.tiled import MAKERS, internvl, llava_next
from tests.conftest import Serve

SIZES = ((61, 47), (300, 40), (33, 210), (28, 28), (3, 90), (640, 481))
"""Widths and heights of images: small, large, and of aspect ratios that no export saw."""


def profile_of(checkpoint: Path, folder: Path, **options: int) -> Profile:
    content: dict[str, Any] = {
        "triton": "24.10",
        "families": {"vision": {"source": f"path:{checkpoint}", **options}},
    }
    path = folder / "mine.yaml"
    path.write_text(json.dumps(content))
    return load_profile(path)


def built(checkpoint: Path, folder: Path, **options: int) -> Path:
    out = folder / "repository"
    build(profile_of(checkpoint, folder, **options), out, Told(), cache=Cache(folder / "cache"))
    return out


def plan(checkpoint: Path, folder: Path, **options: int) -> None:
    dry_run(
        profile_of(checkpoint, folder, **options), folder / "out", cache=Cache(folder / "cache")
    )


def encoded(image: Image.Image) -> Array:
    file = io.BytesIO()
    image.save(file, "PNG")
    return np.frombuffer(file.getvalue(), np.uint8)


def assert_same(found: Arrays, own: Seen, image: Image.Image) -> None:
    wanted = own.look(image)
    for name, each in (("image_embeds", wanted.embeds), ("pooled", wanted.pooled)):
        np.testing.assert_allclose(
            np.float32(found[name]), each, rtol=0, atol=2e-5, err_msg=str(image.size)
        )


@pytest.mark.thorough
@pytest.mark.parametrize("name", MAKERS)
def test_what_is_built_sees_as_transformers_does(name: str, tmp_path: Path) -> None:
    checkpoint = MAKERS[name](tmp_path / "checkpoint")
    here, own = InProcess(built(checkpoint, tmp_path)), Seen(checkpoint)
    for _, image in images(SIZES):
        assert_same(here.run("vision", {"image": encoded(image)}), own, image)


@pytest.mark.thorough
def test_a_server_answers_as_transformers_does(tmp_path: Path, serve: Serve) -> None:
    checkpoint = llava_next(tmp_path / "checkpoint")
    own, server = Seen(checkpoint), serve(built(checkpoint, tmp_path, maximum_tiles=4))
    refused = 0
    with grpc.InferenceServerClient(server.grpc) as client:
        for _, image in images(SIZES):
            file = encoded(image)
            given = grpc.InferInput("image", file.shape, "UINT8")
            given.set_data_from_numpy(file)
            if len(own.look(image).tiles) > 4:
                refused += 1
                with pytest.raises(InferenceServerException, match="more than the 4 allowed"):
                    client.infer("vision", [given], client_timeout=60)
                continue
            answer = client.infer("vision", [given], client_timeout=60)
            names = ("image_embeds", "pooled")
            assert_same({each: np.asarray(answer.as_numpy(each)) for each in names}, own, image)
    assert 0 < refused < len(SIZES)


def test_a_plan_knows_how_many_tiles_there_can_be(tmp_path: Path) -> None:
    checkpoint = internvl(tmp_path / "checkpoint")
    profile = profile_of(checkpoint, tmp_path)
    models = {each.name: each for each in _models(profile)}
    assert models["preprocess"].parameters["maximum_tiles"] == "7"
    assert models["encode"].max_batch_size == 8
    profile = profile_of(checkpoint, tmp_path, maximum_tiles=3)
    models = {each.name: each for each in _models(profile)}
    assert models["preprocess"].parameters["maximum_tiles"] == "3"


def _models(profile: Profile) -> Any:
    from builders.kit.recipe.recipe import make_recipe

    return make_recipe(profile).models


@pytest.mark.parametrize(
    ("file", "changes", "told"),
    [
        ("preprocessor_config.json", {"crop_size": {"height": 14, "width": 14}}, "crop_size"),
        ("preprocessor_config.json", {"image_grid_pinpoints": [[28, 28]]}, "config.json"),
        ("preprocessor_config.json", {"image_processor_type": "CLIPImageProcessor"}, "CLIP"),
        ("config.json", {"image_grid_pinpoints": [[28, 30]]}, "multiples of 28"),
        (
            "config.json",
            {"vision_feature_select_strategy": "full"},
            "one that keeps 16 of 17 features",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_the_plan(
    file: str, changes: dict[str, Any], told: str, tmp_path: Path
) -> None:
    checkpoint = llava_next(tmp_path / "checkpoint")
    edit(checkpoint, file, **changes)
    with pytest.raises(ProfileError, match=told):
        plan(checkpoint, tmp_path)
