"""Towers of one size to ONNX, and what they are compared with: transformers' own functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from builders.kit import onnx
from builders.kit.export import Export
from builders.vision.checkpoint.eye import Eye
from builders.vision.towers import projector
from builders.vision.towers.exported import BATCHES, exported, noise
from builders.vision.towers.loading import load_eye
from repository.arrays import Arrays


def exports(eye: Eye, interpolate: bool) -> tuple[Export, Export | None]:
    """The encoder, and the projector of one that has it.

    Args:
        eye: the checkpoint's.
        interpolate: whether images have other sizes than the tower's own.
    """
    options = {"interpolate": interpolate}
    sides = sizes(eye, interpolate)
    shapes = [(batch, 3, *sides[at % len(sides)]) for at, batch in enumerate(BATCHES)]
    encoder = exported(
        "encoder",
        partial(make_encoder, interpolate),
        partial(expected_features, interpolate),
        partial(noise, "pixel_values", shapes),
        options=options,
    )
    if not eye.projects:
        return encoder, None
    return encoder, projector.export(eye, "image_embeds", options)


def make_encoder(interpolate: bool, checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Write the tower: ``pixel_values`` FP32 [batch, 3, height, width] -> ``features`` FP32
    [batch, tokens, width], if there is a projector, and ``pooled`` FP32 [batch, width].

    Returns:
        Facts for the manifest.

    Raises:
        SourceError: not a checkpoint that is served.
        OnnxError: torch cannot export it.
    """
    import torch

    from builders.vision.towers.modules.fixed import Encode

    eye, model = load_eye(checkpoint)
    height, width = sizes(eye, interpolate)[0]
    axes = {0: "batch"} | ({2: "height", 3: "width"} if interpolate else {})
    made = onnx.export_torch(
        Encode(eye, model, interpolate),
        {"pixel_values": torch.zeros(BATCHES[0], 3, height, width)},
        axes={"pixel_values": axes},
        outputs=[*(["features"] if eye.projects else []), "pooled"],
    )
    onnx.save(made, out)
    return {
        "architecture": eye.architecture,
        "tower": eye.tower.model_type,
        "side": eye.tower.side,
        "pooled": eye.pooling,
        "feature_layers": list(eye.feature_layers),
        "strategy": eye.strategy,
        "interpolated": interpolate,
    }


def sizes(eye: Eye, interpolate: bool) -> Sequence[tuple[int, int]]:
    """Heights and widths of images to compare on, the export's own first.

    A sample of the tower's own size would fix the size in a graph that interpolates.
    """
    side, patch = eye.tower.side, eye.tower.patch
    if not interpolate:
        return ((side, side),)
    return (
        (side + 2 * patch, side + 3 * patch),
        (side, side),
        (max(side - patch, patch), side + 4 * patch),
    )


def expected_features(interpolate: bool, checkpoint: Path, inputs: Arrays) -> Arrays:
    """What transformers' ``get_image_features`` gives its projector, and its pooled vector."""
    import torch

    from builders.vision.towers.modules.fixed import tower_of
    from builders.vision.towers.modules.projector import projector_of

    eye, model = load_eye(checkpoint)
    taken: list[Any] = []
    pixels = torch.from_numpy(inputs["pixel_values"])
    asked = {"interpolate_pos_encoding": True} if interpolate else {}
    with torch.no_grad():
        if eye.projects:
            hook = projector_of(model).register_forward_pre_hook(
                lambda _, given: taken.append(given[0])
            )
            model.get_image_features(pixel_values=pixels, **asked)
            hook.remove()
        pooled = pooled_of(eye, model, tower_of(model), pixels, asked)
    found = {"pooled": pooled.numpy()}
    return {"features": taken[0].numpy(), **found} if taken else found


def pooled_of(eye: Eye, model: Any, tower: Any, pixels: Any, asked: Mapping[str, object]) -> Any:
    """The pooled vector as transformers has it."""
    if eye.pooling == "mean":
        return tower(pixel_values=pixels, **asked).last_hidden_state.mean(1)
    if eye.architecture in ("CLIPModel", "SiglipModel"):
        return model.get_image_features(pixel_values=pixels, **asked).pooler_output
    if eye.architecture == "CLIPVisionModelWithProjection":
        return model(pixel_values=pixels, **asked).image_embeds
    return tower(pixel_values=pixels, **asked).pooler_output
