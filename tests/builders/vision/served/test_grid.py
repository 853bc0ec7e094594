"""Eyes that take patches of grids, built from a folder and served by a real Triton."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpc
from PIL import Image
from tritonclient.utils import InferenceServerException

from builders.kit.build.build import build
from builders.kit.build.dry_run import dry_run
from builders.kit.recipe.profile import Profile, load_profile
from builders.kit.tasks.cache import Cache
from builders.vision.checkpoint.eye import Eye
from builders.vision.checkpoint.read import read_eye
from repository.arrays import Array
from repository.errors import KitError
from runtime.inprocess import InProcess
from tests.builders.onnx.files import Told
from tests.builders.vision.checkpoints.fixed import edit
from tests.builders.vision.checkpoints.grid import EYES, qwen2_vl
from tests.builders.vision.test_grid import assert_same, seen_by, transformers_model
from tests.conftest import Serve

SIZES = ((61, 47), (300, 40), (33, 210), (17, 17), (640, 481))
"""Widths and heights of images: small, large, and of aspect ratios that no export saw."""


def profile_of(checkpoint: Path, folder: Path) -> Profile:
    families = {"vision": {"source": f"path:{checkpoint}"}}
    path = folder / "mine.yaml"
    content = {"triton": "24.10", "families": families, "fuse": "beside"}
    path.write_text(json.dumps(content))
    return load_profile(path)


def built(checkpoint: Path, folder: Path) -> Path:
    out = folder / "repository"
    build(profile_of(checkpoint, folder), out, Told(), cache=Cache(folder / "cache"))
    return out


def photo(width: int, height: int) -> tuple[Image.Image, Array]:
    """An image of noise, and its file."""
    random = np.random.default_rng(width)
    image = Image.fromarray(random.integers(0, 256, (height, width, 3), np.uint8))
    file = io.BytesIO()
    image.save(file, "PNG")
    return image, np.frombuffer(file.getvalue(), np.uint8)


def expected_of(eye: Eye, model: Any, image: Image.Image) -> Mapping[str, Array]:
    from transformers import AutoImageProcessor

    processor = AutoImageProcessor.from_pretrained(eye.path, backend="pil")
    made = processor(image, return_tensors="np")
    grids = np.asarray(made["image_grid_thw"])
    return {**seen_by(model, np.asarray(made["pixel_values"]), grids), "grid_thw": grids}


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["Qwen2-VL", "Qwen2.5-VL", "Qwen3-VL"])
def test_a_server_answers_as_transformers_does(name: str, tmp_path: Path, serve: Serve) -> None:
    eye = read_eye(EYES[name](tmp_path / "checkpoint"))
    model = transformers_model(eye)
    out = built(eye.path, tmp_path)
    here, server = InProcess(out), serve(out)
    with grpc.InferenceServerClient(server.grpc) as client:
        for size in SIZES:
            image, file = photo(*size)
            expected = expected_of(eye, model, image)
            for pipeline in ("vision", "vision_fused"):
                assert_same(here.run(pipeline, {"image": file}), expected)
            given = grpc.InferInput("image", file.shape, "UINT8")
            given.set_data_from_numpy(file)
            answer = client.infer("vision", [given], client_timeout=60)
            assert_same({each: np.asarray(answer.as_numpy(each)) for each in expected}, expected)
        given = grpc.InferInput("image", (file := photo(900, 4)[1]).shape, "UINT8")
        given.set_data_from_numpy(file)
        with pytest.raises(InferenceServerException, match="200"):
            client.infer("vision", [given], client_timeout=60)


def test_a_processor_that_contradicts_the_tower_is_refused_by_the_plan(tmp_path: Path) -> None:
    checkpoint = qwen2_vl(tmp_path / "checkpoint")
    edit(checkpoint, "preprocessor_config.json", merge_size=4)
    with pytest.raises(KitError, match="merge_size 4, where its tower has 2"):
        dry_run(profile_of(checkpoint, tmp_path), tmp_path / "out", cache=Cache(tmp_path / "cache"))
