"""Towers of grids as ONNX against transformers, at grids and numbers of images never sampled."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders.kit.build.parity import compare_files
from builders.kit.sources.error import SourceError
from builders.vision.checkpoint.eye import Eye
from builders.vision.checkpoint.read import read_eye
from builders.vision.stages import grid as arrays
from builders.vision.towers import grid
from builders.vision.towers.loading import load_eye
from repository.arrays import Array, Arrays
from tests.builders.vision.checkpoints import grid as checkpoints
from tests.builders.vision.checkpoints.fixed import edit, rename_weights
from tests.builders.vision.checkpoints.grid import EYES

CLOSE = 1e-5
"""Of the largest number: how far an answer may be from transformers'."""

GRIDS: Sequence[Sequence[tuple[int, int, int]]] = (
    [(1, 2, 2)],
    [(1, 22, 14)],
    [(1, 2, 30)],
    [(1, 14, 6), (1, 2, 26), (1, 8, 8)],
    [(3, 6, 4), (1, 10, 10)],
)
"""The images of each call: frames, rows and columns of patches."""


def files_of(eye: Eye, folder: Path) -> list[Path]:
    """The eye's files, compared with their sources as a build does."""
    made: list[Path] = []
    for export in grid.exports(eye):
        out = folder / f"{export.name}.onnx"
        export.make(eye.path, out)
        assert export.parity is not None
        compare_files(export.parity, eye.path, out)
        made.append(out)
    return made


def run(file: Path, inputs: Arrays) -> dict[str, Array]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def transformers_model(eye: Eye) -> Any:
    import transformers

    return getattr(transformers, eye.architecture).from_pretrained(eye.path).eval()


def seen_by(model: Any, patches: Array, grids: Array) -> dict[str, Array]:
    """What transformers' own function says of images."""
    import torch

    with torch.no_grad():
        found = model.get_image_features(torch.from_numpy(patches), torch.from_numpy(grids))
        embeds = torch.cat(list(found.pooler_output))
        answer = {"image_embeds": embeds.numpy(), "pooled": embeds.mean(0).numpy()}
        if deep := getattr(found, "deepstack_features", None):
            answer["deepstack_embeds"] = torch.stack([torch.cat(each) for each in deep]).numpy()
    return answer


def assert_same(found: Arrays, expected: Arrays) -> None:
    """The same outputs, but for rounding."""
    assert found.keys() == expected.keys()
    for name in expected:
        one, other = (np.asarray(each[name], np.float64) for each in (found, expected))
        np.testing.assert_allclose(one, other, rtol=0, atol=CLOSE * np.abs(other).max())


def calls(eye: Eye) -> Iterator[tuple[Arrays, Arrays]]:
    """What the encoder takes, and what transformers says of the same images."""
    tower, model = grid.tower_of(eye), transformers_model(eye)
    for images in GRIDS:
        grids = np.array(images, np.int64)
        shape = (int(grids.prod(1).sum()), tower.width)
        patches = np.random.default_rng(len(images)).standard_normal(shape, np.float32)
        inputs = arrays.arrays(grids, tower.merge, tower.window, tower.table)
        inputs["patches"] = patches.reshape(-1, tower.unit, tower.width)
        yield inputs, seen_by(model, patches, grids)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", EYES)
def test_the_modules_that_are_exported_compute_what_transformers_does(
    name: str, tmp_path: Path
) -> None:
    import torch

    from builders.vision.towers.modules.grid import AdaptGrid, EncodeGrid

    eye = read_eye(EYES[name](tmp_path))
    model = transformers_model(eye)
    encode, adapt = EncodeGrid(model), AdaptGrid(model)
    for inputs, expected in calls(eye):
        with torch.no_grad():
            found = adapt(*encode(**{key: torch.from_numpy(each) for key, each in inputs.items()}))
        names = ("image_embeds", "pooled", "deepstack_embeds")
        assert_same(dict(zip(names, (each.numpy() for each in found), strict=False)), expected)


@pytest.mark.thorough
@pytest.mark.parametrize("name", EYES)
def test_an_eye_sees_what_transformers_sees(name: str, tmp_path: Path) -> None:
    eye = read_eye(EYES[name](tmp_path / "checkpoint"))
    encoder, adapter = files_of(eye, tmp_path)
    for inputs, expected in calls(eye):
        assert_same(run(adapter, run(encoder, inputs)), expected)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of each of the three."""
    folder = tmp_path_factory.mktemp("checkpoints")
    checkpoints.qwen2_vl(folder / "qwen2")
    checkpoints.qwen2_5_vl(folder / "qwen2_5")
    checkpoints.qwen3_vl(folder / "qwen3")
    return folder


def copied(whole: Path, name: str, folder: Path) -> Path:
    return shutil.copytree(whole / name, folder / name)


def test_what_a_tower_has_is_read(whole: Path) -> None:
    towers = [grid.tower_of(read_eye(whole / name)) for name in ("qwen2", "qwen2_5", "qwen3")]
    assert [each.hidden for each in towers] == [32, 32, 32]
    assert [each.width for each in towers] == [384, 384, 384]
    assert [each.window for each in towers] == [0, 3, 0]
    assert [each.table for each in towers] == [0, 0, 5]
    assert [each.deep for each in towers] == [0, 0, 2]
    eye = read_eye(whole / "qwen2")
    assert (eye.kind, eye.hidden, eye.pooled, eye.pooling) == ("grid", 24, 24, "mean")


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("qwen2", {"num_heads": 3}, "num_heads: 3"),
        ("qwen2", {"in_channels": 4}, "in_channels: 4 (expected 3)"),
        ("qwen2", {"patch_size": 16}, "weights *patch_embed.proj.weight"),
        ("qwen2_5", {"window_size": 8}, "window_size: 8 (expected 16 or more"),
        ("qwen2_5", {"fullatt_block_indexes": [-1]}, "fullatt_block_indexes: [-1]"),
        ("qwen3", {"num_position_embeddings": 24}, "num_position_embeddings: 24"),
        ("qwen3", {"deepstack_visual_indexes": [0, 0]}, "deepstack_visual_indexes: [0, 0]"),
        ("qwen3", {"deepstack_visual_indexes": [1, 0]}, "deepstack_visual_indexes: [1, 0]"),
        ("qwen3", {"depth": 3, "deepstack_visual_indexes": [0, 1, 2]}, "deepstack_merger_list.2"),
        ("qwen3", {"out_hidden_size": 25}, "hidden_size: 24 (expected 25"),
    ],
)
def test_a_tower_that_its_weights_contradict_is_refused(
    whole: Path, tmp_path: Path, name: str, changes: dict[str, Any], words: str
) -> None:
    folder = edit(copied(whole, name, tmp_path), vision_config=changes)
    with pytest.raises(SourceError) as caught:
        read_eye(folder)
    assert words in str(caught.value)


def test_a_checkpoint_without_its_merger_is_refused(whole: Path, tmp_path: Path) -> None:
    folder = rename_weights(
        copied(whole, "qwen2", tmp_path), lambda name: None if "merger" in name else name
    )
    with pytest.raises(SourceError, match=r"merger\.mlp\.2\.weight"):
        read_eye(folder)


def test_an_older_checkpoint_with_its_text_on_the_top_level_is_known(
    whole: Path, tmp_path: Path
) -> None:
    import torch

    folder = copied(whole, "qwen2", tmp_path)
    text = json.loads((folder / "config.json").read_text("utf-8"))["text_config"]
    edit(folder, **text | {"model_type": "qwen2_vl"}, text_config=None)
    rename_weights(
        folder,
        lambda name: name.replace("model.visual.", "visual.").replace("language_model.", ""),
    )
    towers = [load_eye(each)[1].model.visual for each in (whole / "qwen2", folder)]
    first, second = (each.state_dict() for each in towers)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert read_eye(folder).hidden == 24
    edit(folder, hidden_size=32)
    with pytest.raises(SourceError, match="hidden_size: 32"):
        read_eye(folder)
