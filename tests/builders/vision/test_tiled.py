"""Eyes that see an image in tiles: what is served is what transformers' own model says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders.kit.build.parity import compare_files
from builders.vision.checkpoint.read import read_eye
from builders.vision.checkpoint.tiled_eye import TiledEye
from builders.vision.stages import join
from builders.vision.towers import tiled
from tests.builders.vision.checkpoints.seen import Seen, images
from tests.builders.vision.checkpoints.tiled import MAKERS

SIZES = ((100, 40), (31, 33), (28, 28), (24, 24), (7, 300), (64, 1), (57, 200), (96, 95))
"""Widths and heights; a panorama, and a side of one pixel."""

FORMS: Mapping[str, Mapping[str, Any]] = {
    "llava_next": {
        "vision": {"model_type": "siglip_vision_model"},
        "vision_feature_select_strategy": "full",
        "vision_feature_layer": [-3, -1],
    },
    "llava_onevision": {"vision_aspect_ratio": "anyres_max_1", "vision_feature_layer": -2},
    "internvl": {
        "vision": {"use_mean_pooling": False, "norm_type": "rms_norm", "use_qk_norm": True},
        "downsample_ratio": 0.25,
    },
    "gemma3": {"head": True},
}
"""Other forms that checkpoints of some architectures have."""


def served(checkpoint: Path, folder: Path) -> Any:
    """Tiles, their number and sizes to what the models and the stage that joins make of them."""
    import onnxruntime

    eye = read_eye(checkpoint)
    assert isinstance(eye, TiledEye)
    sessions = []
    for export in tiled.exports(eye)[:2]:
        file = folder / f"{export.name}.onnx"
        export.make(checkpoint, file)
        assert export.parity is not None
        compare_files(export.parity, checkpoint, file)
        sessions.append(onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"]))
    tiled.make_joining(checkpoint, folder / join.JOINING)
    joined = join.prepare(folder, {})

    def run(pixels: np.ndarray, tiling: list[int]) -> Mapping[str, np.ndarray]:
        features, pooled = sessions[0].run(["features", "tile_pooled"], {"pixel_values": pixels})
        (tiles,) = sessions[1].run(["tile_embeds"], {"features": features})
        return joined(
            {"tile_embeds": tiles, "tile_pooled": pooled, "tiling": np.array(tiling, np.int32)}
        )

    return run


def agree(checkpoint: Path, folder: Path) -> None:
    """Compare at sizes that nothing sampled, with the checkpoint's own processor."""
    run, own = served(checkpoint, folder), Seen(checkpoint)
    counts = set()
    for size, image in images(SIZES):
        told = own.look(image)
        found = run(told.tiles, told.tiling)
        counts.add(len(told.tiles))
        np.testing.assert_allclose(
            found["image_embeds"], told.embeds, rtol=0, atol=2e-5, err_msg=str(size)
        )
        np.testing.assert_allclose(found["pooled"], told.pooled, rtol=0, atol=2e-5)
    assert len(counts) > 2, counts


@pytest.mark.sampled(1)
@pytest.mark.parametrize("name", MAKERS)
def test_tiles_are_joined_as_by_transformers(name: str, tmp_path: Path) -> None:
    agree(MAKERS[name](tmp_path / "checkpoint"), tmp_path)


@pytest.mark.thorough
@pytest.mark.parametrize("name", FORMS)
def test_other_forms_are_joined_as_by_transformers(name: str, tmp_path: Path) -> None:
    agree(MAKERS[name](tmp_path / "checkpoint", **FORMS[name]), tmp_path)
