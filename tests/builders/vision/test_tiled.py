"""Eyes that see an image in tiles: what is served is what transformers' own model says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders.kit.build.parity import compare_files
from builders.kit.sources.error import SourceError
from builders.vision.checkpoint.read import read_eye
from builders.vision.checkpoint.tiled_eye import TiledEye
from builders.vision.stages import join
from builders.vision.towers import tiled
from tests.builders.vision.checkpoints.fixed import edit
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


Models = tuple[
    Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], Callable[[np.ndarray], np.ndarray]
]
"""Tiles to features and to a vector each; features to embeddings."""


def modules(checkpoint: Path) -> Models:
    """The models as torch runs them."""
    import torch

    from builders.vision.towers.modules.projector import Adapt
    from builders.vision.towers.modules.tiled import EncodeTiles

    eye, model = tiled.load_tiled(checkpoint)
    encode, adapt = EncodeTiles(eye, model), Adapt(model)

    def features(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with torch.no_grad():
            found, pooled = encode(torch.from_numpy(pixels))
        return found.numpy(), pooled.numpy()

    def embeds(given: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return np.asarray(adapt(torch.from_numpy(given)).numpy())

    return features, embeds


def exported(checkpoint: Path, folder: Path) -> Models:
    """The models as ONNX Runtime runs them, compared with their sources as a build does."""
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
    encode, adapt = sessions

    def features(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found, pooled = encode.run(["features", "tile_pooled"], {"pixel_values": pixels})
        return found, pooled

    def embeds(given: np.ndarray) -> np.ndarray:
        return np.asarray(adapt.run(["tile_embeds"], {"features": given})[0])

    return features, embeds


def agree(checkpoint: Path, folder: Path, models: Models) -> None:
    """Compare at sizes that nothing sampled, with the checkpoint's own processor."""
    tiled.make_joining(checkpoint, folder / join.JOINING)
    (encode, adapt), joined, own = models, join.prepare(folder, {}), Seen(checkpoint)
    counts = set()
    for size, image in images(SIZES):
        told = own.look(image)
        features, pooled = encode(told.tiles)
        found = joined(
            {
                "tile_embeds": adapt(features),
                "tile_pooled": pooled,
                "tiling": np.array(told.tiling, np.int32),
            }
        )
        counts.add(len(told.tiles))
        np.testing.assert_allclose(
            found["image_embeds"], told.embeds, rtol=0, atol=2e-5, err_msg=str(size)
        )
        np.testing.assert_allclose(found["pooled"], told.pooled, rtol=0, atol=2e-5)
    assert len(counts) > 2, counts


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", MAKERS)
def test_the_modules_that_are_exported_compute_what_transformers_does(
    name: str, tmp_path: Path
) -> None:
    checkpoint = MAKERS[name](tmp_path / "checkpoint")
    agree(checkpoint, tmp_path, modules(checkpoint))


@pytest.mark.thorough
@pytest.mark.parametrize("name", MAKERS)
def test_tiles_are_joined_as_by_transformers(name: str, tmp_path: Path) -> None:
    checkpoint = MAKERS[name](tmp_path / "checkpoint")
    agree(checkpoint, tmp_path, exported(checkpoint, tmp_path))


@pytest.mark.thorough
@pytest.mark.parametrize("name", FORMS)
def test_other_forms_are_joined_as_by_transformers(name: str, tmp_path: Path) -> None:
    checkpoint = MAKERS[name](tmp_path / "checkpoint", **FORMS[name])
    agree(checkpoint, tmp_path, exported(checkpoint, tmp_path))


@pytest.mark.parametrize("ratio", [1e-320, 1e-9, 0.3, 2.0, -0.5])
def test_a_ratio_that_squeezes_no_whole_number_of_patches_is_refused(
    ratio: float, tmp_path: Path
) -> None:
    checkpoint = MAKERS["internvl"](tmp_path / "eye")
    edit(checkpoint, downsample_ratio=ratio)
    with pytest.raises(SourceError, match="downsample_ratio"):
        read_eye(checkpoint)
