"""Towers of grids to ONNX, and what they are compared with: transformers' own functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from builders.kit import onnx
from builders.kit.export import Export
from builders.vision.checkpoint.eye import Eye
from builders.vision.checkpoint.grid import GridTower
from builders.vision.stages import grid
from builders.vision.towers.exported import exported, tensors
from builders.vision.towers.loading import load_eye
from repository.arrays import Array, Arrays

TOKENS: Sequence[Sequence[tuple[int, int]]] = (
    ((3, 5), (2, 4)),
    ((5, 2),),
    ((7, 3), (1, 9), (4, 4)),
)
"""Rows and columns of tokens of the images of each call; the export sees the first alone."""


def exports(eye: Eye) -> tuple[Export, Export]:
    """The encoder, and the merger, which is the adapter of these.

    Args:
        eye: the checkpoint's.
    """
    tower = tower_of(eye)
    return (
        exported("encoder", make_encoder, expected_features, partial(images, tower)),
        exported("adapter", make_adapter, expected_embeddings, partial(features, tower)),
    )


def tower_of(eye: Eye) -> GridTower:
    """The tower of an eye of this kind."""
    assert isinstance(eye.tower, GridTower)
    return eye.tower


def make_encoder(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Write the tower: :meth:`~builders.vision.towers.modules.grid.EncodeGrid.forward`.

    Returns:
        Facts for the manifest.

    Raises:
        SourceError: not a checkpoint that is served.
        OnnxError: torch cannot export it.
    """
    from builders.vision.towers.modules.grid import EncodeGrid

    eye, model = load_eye(checkpoint)
    tower = tower_of(eye)
    example = images(tower)[0]
    axes = {name: {0: "tokens"} for name in example}
    axes |= {"segments": {0: "segments", 1: "longest"}}
    if tower.window:
        axes |= {"windows": {0: "windows"}}
    made = onnx.export_torch(
        EncodeGrid(model),
        tensors(example),
        axes=axes,
        outputs=["features", *(["deep_features"] if tower.deep else [])],
    )
    onnx.save(made, out)
    return {
        "architecture": eye.architecture,
        "tower": tower.model_type,
        "pooled": eye.pooling,
        "window_tokens": tower.window,
        "deep_layers": tower.deep,
    }


def make_adapter(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Write the merger: :meth:`~builders.vision.towers.modules.grid.AdaptGrid.forward`.

    Returns:
        Facts for the manifest.

    Raises:
        SourceError: not a checkpoint that is served.
        OnnxError: torch cannot export it.
    """
    from builders.vision.towers.modules.grid import AdaptGrid

    eye, model = load_eye(checkpoint)
    tower = tower_of(eye)
    axes = {"features": {0: "tokens"}, "deep_features": {1: "tokens"}}
    example = features(tower)[0]
    made = onnx.export_torch(
        AdaptGrid(model),
        tensors(example),
        axes={name: axes[name] for name in example},
        outputs=["image_embeds", "pooled", *(["deepstack_embeds"] if tower.deep else [])],
    )
    onnx.save(made, out)
    return {"architecture": eye.architecture, "hidden": eye.hidden}


def images(tower: GridTower) -> Sequence[Arrays]:
    """Noise like normalised patches, in three calls of one to three images of unlike shapes."""
    random = np.random.default_rng(7)
    made: list[Arrays] = []
    for shapes in TOKENS:
        grids = np.array([(1, rows, columns) for rows, columns in shapes], np.int64)
        grids[:, 1:] *= tower.merge
        shape = (int(grids.prod(1).sum()) // tower.unit, tower.unit, tower.width)
        patches = random.standard_normal(shape, np.float32)
        made.append(
            {"patches": patches, **grid.arrays(grids, tower.merge, tower.window, tower.table)}
        )
    return made


def features(tower: GridTower) -> Sequence[Arrays]:
    """Noise like a tower's features, of three numbers of tokens."""
    random = np.random.default_rng(7)
    made: list[Arrays] = []
    for tokens in (5, 2, 12):
        shape = (tokens, tower.unit, tower.hidden)
        found: dict[str, Array] = {"features": random.standard_normal(shape, np.float32)}
        if tower.deep:
            found["deep_features"] = random.standard_normal((tower.deep, *shape), np.float32)
        made.append(found)
    return made


def expected_features(checkpoint: Path, inputs: Arrays) -> Arrays:
    """What transformers' tower gives its mergers."""
    import torch
    from transformers.vision_utils import get_vision_window_index

    eye, model = load_eye(checkpoint)
    tower, visual = tower_of(eye), model.model.visual
    taken: dict[int, Any] = {}
    mergers = [visual.merger, *getattr(visual, "deepstack_merger_list", ())]
    hooks = [
        merger.register_forward_pre_hook(
            lambda _, given, number=number: taken.update({number: given[0]})
        )
        for number, merger in enumerate(mergers)
    ]
    grids = torch.from_numpy(_grids(inputs))
    with torch.no_grad():
        visual(torch.from_numpy(inputs["patches"]).flatten(0, 1), grid_thw=grids)
    for hook in hooks:
        hook.remove()
    shape = (-1, tower.unit, tower.hidden)
    found = taken[0].reshape(shape)
    if tower.window:
        # transformers merges tokens in the order of windows, and restores their own after it.
        order, _ = get_vision_window_index(
            grids, tower.merge, visual.window_size, visual.patch_size
        )
        found = found[torch.argsort(order)]
    answer = {"features": found.numpy()}
    if not tower.deep:
        return answer
    deep = [taken[number].reshape(shape) for number in range(1, len(mergers))]
    return {**answer, "deep_features": torch.stack(deep).numpy()}


def expected_embeddings(checkpoint: Path, inputs: Arrays) -> Arrays:
    """What transformers' own mergers give."""
    import torch

    _, model = load_eye(checkpoint)
    visual = model.model.visual
    with torch.no_grad():
        found = visual.merger(torch.from_numpy(inputs["features"]).flatten(0, 1))
        answer = {"image_embeds": found.numpy(), "pooled": found.mean(0).numpy()}
        if "deep_features" not in inputs:
            return answer
        given = torch.from_numpy(inputs["deep_features"]).flatten(1, 2)
        pairs = zip(visual.deepstack_merger_list, given, strict=True)
        deep = torch.stack([merger(each) for merger, each in pairs])
    return {**answer, "deepstack_embeds": deep.numpy()}


def _grids(inputs: Arrays) -> Array:
    """The grids that arrays were made from: the last patch of each image is its lowest, rightmost
    one."""
    places = inputs["position_ids"].reshape(-1, 2)
    last = inputs["segments"].max(1)
    return np.concatenate([np.ones((len(last), 1), np.int64), places[last] + 1], 1)
