"""Towers that see tiles to ONNX, and what they are compared with: transformers' own functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from builders.kit import onnx
from builders.kit.export import Export
from builders.vision.checkpoint.read import read_eye
from builders.vision.checkpoint.tiled_eye import TiledEye
from builders.vision.stages.join import JOINING
from builders.vision.towers import projector
from builders.vision.towers.exported import BATCHES, exported, noise
from builders.vision.towers.loading import load_eye
from repository.arrays import Arrays


def exports(eye: TiledEye) -> tuple[Export, Export, Export]:
    """The encoder, the projector, and the file that says how tiles are joined."""
    side = eye.tower.side
    encoder = exported(
        "encoder",
        make_encoder,
        expected_features,
        partial(noise, "pixel_values", [(tiles, 3, side, side) for tiles in BATCHES]),
    )
    adapter = projector.export(eye, "tile_embeds")
    return encoder, adapter, Export.file(JOINING, "vision", make_joining, form=read_eye)


def make_encoder(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Write the tower: ``pixel_values`` FP32 [batch, 3, side, side] -> ``features`` FP32 [batch,
    features, width], what the projector takes, and ``tile_pooled`` FP32 [batch, width].

    Returns:
        Facts for the manifest.

    Raises:
        SourceError: not a checkpoint that is served.
        OnnxError: torch cannot export it.
    """
    import torch

    from builders.vision.towers.modules.tiled import EncodeTiles

    eye, model = load_tiled(checkpoint)
    made = onnx.export_torch(
        EncodeTiles(eye, model),
        {"pixel_values": torch.zeros(BATCHES[0], 3, eye.tower.side, eye.tower.side)},
        axes={"pixel_values": {0: "batch"}},
        outputs=["features", "tile_pooled"],
    )
    onnx.save(made, out)
    return {
        "architecture": eye.architecture,
        "tower": eye.tower.model_type,
        "side": eye.tower.side,
        "pooled": eye.pooling,
        "feature_layers": list(eye.feature_layers),
        "strategy": eye.strategy,
        "tokens": eye.tokens,
    }


def make_joining(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Write how tiles are joined, for :mod:`builders.vision.stages.join`.

    Returns:
        Facts for the manifest.

    Raises:
        SourceError: not a checkpoint that is served.
    """
    eye, model = load_tiled(checkpoint)
    facts = {"whole": eye.whole, "spatial": eye.spatial, "most": eye.most}
    newline = model.model.image_newline.detach().tolist() if eye.spatial else []
    out.write_text(json.dumps({**facts, "newline": newline}, sort_keys=True), "utf-8")
    return facts


def load_tiled(checkpoint: Path) -> tuple[TiledEye, Any]:
    """As :func:`builders.vision.towers.loading.load_eye`."""
    eye, model = load_eye(checkpoint)
    assert isinstance(eye, TiledEye), f"{eye.architecture} sees no tiles"
    return eye, model


class _Taken(Exception):
    """Ends a call of the model where its projector would begin."""


def expected_features(checkpoint: Path, inputs: Arrays) -> Arrays:
    """What transformers' ``get_image_features`` gives its projector, and pooled vectors of its
    tower, or means of the tower's last features."""
    import torch

    from builders.vision.towers.modules.fixed import tower_of
    from builders.vision.towers.modules.projector import projector_of

    eye, model = load_tiled(checkpoint)
    taken: list[Any] = []
    seen: list[Any] = []

    def take(_module: object, given: Any) -> NoReturn:
        taken.append(given[0])
        raise _Taken

    hooks = [
        projector_of(model).register_forward_pre_hook(take),
        tower_of(model).register_forward_hook(lambda _module, _given, found: seen.append(found)),
    ]
    pixels = torch.from_numpy(inputs["pixel_values"])
    # LLaVA-NeXT asks for an image's size, by which it splits what the projector gives.
    size = {"image_sizes": torch.tensor([[eye.tower.side] * 2])} if eye.spatial else {}
    idefics = eye.tower.model_type == "idefics3_vision"
    try:
        with torch.no_grad():
            model.get_image_features(pixel_values=pixels[None] if idefics else pixels, **size)
    except _Taken:
        pass
    finally:
        for hook in hooks:
            hook.remove()
    pooled = getattr(seen[0], "pooler_output", None)
    if eye.pooling == "mean":
        pooled = seen[0].last_hidden_state[:, int(eye.tower.class_token) :].mean(1)
    assert pooled is not None, "the tower pools nothing"
    return {"features": taken[0].numpy(), "tile_pooled": pooled.numpy()}
