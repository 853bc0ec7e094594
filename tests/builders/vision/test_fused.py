"""The fused eye: bytes between its two models, and the plain eye's answers."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from builders.kit.build.build import build
from builders.kit.build.making import make_exports
from builders.kit.build.parity import compare_files
from builders.kit.build.plan import make_plan
from builders.kit.build.staging import stage
from builders.kit.recipe.profile import load_profile
from builders.kit.recipe.recipe import make_recipe
from builders.kit.tasks.cache import Cache
from builders.kit.tasks.code import CodeReader
from builders.kit.tasks.progress import Silent
from builders.kit.tasks.runner import Worker
from builders.vision.checkpoint.processor.read import read_processor
from builders.vision.stages import preprocess
from builders.vision.stages.processors.planes import table
from builders.vision.towers.normalise import GIVES, TAKES, normaliser
from clients.chained import Chained
from repository.config.text import read_config
from runtime.inprocess import InProcess
from tests.builders.kit.emit.test_emit import infer
from tests.builders.vision.checkpoints.fixed import EYES, SIDE
from tests.builders.vision.checkpoints.seen import images
from tests.builders.vision.checkpoints.tiled import internvl, llava_next
from tests.builders.vision.served.test_tiled import encoded, profile_of
from tests.builders.vision.test_tiles import stage as stage_of
from tests.builders.vision.test_towers import run
from tests.conftest import Serve


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"do_rescale": False},
        {"do_normalize": False},
        {"do_rescale": False, "do_normalize": False},
        {"rescale_factor": 1 / 127.5, "image_mean": [1, 0.5, 1e-3], "image_std": [0.3, 1, 2]},
    ],
    ids=str,
)
def test_arithmetic_in_the_graph_is_the_stages_bit_by_bit(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    settings = {"image_processor_type": "CLIPImageProcessor", **changes}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings))
    export = normaliser([(16, 16), (8, 24), (24, 8)])
    export.make(tmp_path, tmp_path / "made")
    assert export.parity is not None
    assert all(
        each.absolute == 0 for each in compare_files(export.parity, tmp_path, tmp_path / "made")
    )
    every = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16).repeat(3, 1)
    found = run(tmp_path / "made", {TAKES: every})[GIVES]
    expected = table(read_processor(tmp_path).settings).reshape(1, 3, 16, 16)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.thorough
@pytest.mark.parametrize("name", [each for each in EYES if "llava" in each.lower()][:1])
def test_a_fused_eye_is_two_models_that_answer_as_four(name: str, tmp_path: Path) -> None:
    checkpoint = EYES[name](tmp_path / "checkpoint")
    (tmp_path / "profile.yaml").write_text(
        f'triton: "24.10"\nfuse: beside\nfamilies:\n  vision: {{source: "path:{checkpoint}"}}\n'
    )
    repository, cache = tmp_path / "repository", Cache(tmp_path / "cache")
    repository.mkdir()
    plan = make_plan(make_recipe(load_profile(tmp_path / "profile.yaml")), CodeReader())
    with cache.work() as work:
        stage(make_exports(plan, Worker(cache, work, Silent())), repository)
    config = read_config(repository / "vision_fused" / "config.pbtxt")
    steps = [step.model_name for step in config.ensemble_scheduling.step]
    assert steps == ["decode_rgb_preprocess_uint8", "normalise_encode_adapt"]
    process = InProcess(repository)
    random = np.random.default_rng(5)
    for width, height in ((SIDE, SIDE), (97, 41), (33, 120)):
        stream = io.BytesIO()
        noise = random.integers(0, 256, (height, width, 3), np.uint8)
        Image.fromarray(noise).save(stream, "PNG")
        inputs = {"image": np.frombuffer(stream.getvalue(), np.uint8)}
        plain, fused = (process.run(each, inputs) for each in ("vision", "vision_fused"))
        assert plain.keys() == fused.keys()
        for output, array in plain.items():
            apart = array.astype(np.float64) - fused[output].astype(np.float64)
            largest = np.abs(array.astype(np.float64)).max()
            assert np.abs(apart).max() <= 1e-5 * largest, output
    parts = plan.recipe.bases_of("vision/normalise_encode_adapt.fused")
    assert parts == ("vision/normalise", "vision/encoder", "vision/adapter")


def test_tiles_as_bytes_are_those_that_become_floats(tmp_path: Path) -> None:
    _, run = stage_of("Gemma 3, crops", tmp_path)
    bare = preprocess.prepare(tmp_path / "made", {"maximum_tiles": "99", "as_bytes": "true"})
    values = table(read_processor(tmp_path).settings)
    for _, image in images(((100, 40), (31, 33), (7, 300))):
        floats, whole = (each({"pixels": np.asarray(image)}) for each in (run, bare))
        assert whole["pixel_values"].dtype == np.uint8
        looked_up = values[np.arange(3)[None, :, None, None], whole["pixel_values"]]
        np.testing.assert_array_equal(looked_up, floats["pixel_values"])
        np.testing.assert_array_equal(whole["tiling"], floats["tiling"])


def test_a_tiled_eye_is_fused_up_to_the_stage_that_joins_its_tiles(tmp_path: Path) -> None:
    checkpoint = internvl(tmp_path / "checkpoint")
    profile = profile_of(checkpoint, tmp_path).model_copy(update={"fuse": True})
    (vision,) = (each for each in make_recipe(profile).models if each.name == "vision")
    names = [each.name for each in vision.needs]
    assert names == ["decode_rgb_preprocess_uint8", "normalise_encode_adapt", "join"]


@pytest.mark.thorough
def test_a_fused_tiled_eye_on_a_server_sees_as_the_plain_one(tmp_path: Path, serve: Serve) -> None:
    checkpoint = llava_next(tmp_path / "checkpoint")
    profile = profile_of(checkpoint, tmp_path)
    profile = profile.model_copy(update={"fuse": "beside", "bls": True})
    repository = tmp_path / "repository"
    build(profile, repository, cache=Cache(tmp_path / "cache"))
    server, process = serve(repository), InProcess(repository)
    chained = {each: Chained(server.grpc, each) for each in ("vision", "vision_fused")}
    for _, image in images(((61, 47), (300, 40), (28, 28))):
        inputs = {"image": encoded(image)}
        plain = infer(server.grpc, "vision", inputs)
        for way, found in {
            "fused": infer(server.grpc, "vision_fused", inputs),
            "BLS": infer(server.grpc, "vision_bls", inputs),
            "chained": chained["vision"].run(inputs),
            "fused and chained": chained["vision_fused"].run(inputs),
            "in process": process.run("vision", inputs),
            "fused in process": process.run("vision_fused", inputs),
        }.items():
            assert found.keys() == plain.keys(), way
            for name, array in plain.items():
                np.testing.assert_allclose(found[name], array, rtol=0, atol=2e-5, err_msg=way)
    for each in chained.values():
        each.close()
