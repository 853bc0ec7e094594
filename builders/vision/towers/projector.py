"""Projectors to ONNX: the features of an image, or of a tile, to the language model's space."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from builders.kit import onnx
from builders.kit.export import Export
from builders.vision.checkpoint.eye import Eye
from builders.vision.towers.exported import BATCHES, exported, noise, tensors
from builders.vision.towers.loading import load_eye
from repository.arrays import Arrays


def export(eye: Eye, gives: str, options: Mapping[str, bool] | None = None) -> Export:
    """The projector of an eye that has one.

    Args:
        eye: the checkpoint's.
        gives: the name of its output.
        options: ``interpolate``, if images have other sizes than the tower's own.
    """
    free = (options or {}).get("interpolate", False)
    rows, width = eye.projected
    # With interpolation, the two batches that the export never saw have other numbers of rows too.
    shapes = [(batch, rows + number * free, width) for number, batch in enumerate(BATCHES)]
    return exported(
        "adapter",
        partial(make, gives, free),
        partial(expected, gives),
        partial(noise, "features", shapes),
        options=options,
    )


def make(gives: str, free: bool, checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Write the projector: ``features`` FP32 [batch, rows, width] -> FP32 [batch, tokens, hidden].

    Args:
        gives: the name of its output.
        free: whether the number of rows is dynamic.
        checkpoint: the eye's.
        out: the file.

    Returns:
        Facts for the manifest.

    Raises:
        SourceError: not a checkpoint that is served.
        OnnxError: torch cannot export it.
    """
    import torch

    from builders.vision.towers.modules.projector import Adapt

    eye, model = load_eye(checkpoint)
    made = onnx.export_torch(
        Adapt(model),
        {"features": torch.zeros(BATCHES[0], *eye.projected)},
        axes={"features": {0: "batch"} | ({1: "tokens"} if free else {})},
        outputs=[gives],
    )
    onnx.save(made, out)
    return {"architecture": eye.architecture, "hidden": eye.hidden}


def expected(gives: str, checkpoint: Path, inputs: Arrays) -> Arrays:
    """What transformers' own projector gives."""
    import torch

    from builders.vision.towers.modules.projector import projector_of

    _, model = load_eye(checkpoint)
    with torch.no_grad():
        found = projector_of(model)(tensors(inputs)["features"])
    return {gives: found.numpy()}
