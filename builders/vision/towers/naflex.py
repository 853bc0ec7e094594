"""SigLIP 2's NaFlex tower to ONNX, and what it is compared with: transformers' own functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from builders.kit import onnx
from builders.kit.export import Export
from builders.vision.checkpoint.eye import Eye
from builders.vision.stages.resized_positions import of_patches
from builders.vision.towers.exported import exported, tensors
from builders.vision.towers.loading import load_eye
from repository.arrays import Arrays

SHAPES: Sequence[Sequence[tuple[int, int]]] = (
    ((3, 4), (5, 2)),
    ((1, 9),),
    ((6, 6), (2, 11), (9, 4), (1, 1)),
)
"""Rows and columns of patches of the images of each batch; the export sees the first alone."""

_PATCHES = (12, 10, 36)
"""Patches of a batch's images, with those that only fill up."""


def export(eye: Eye) -> Export:
    """The encoder of a checkpoint."""
    return exported("encoder", make_encoder, expected, partial(images, eye))


def make_encoder(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Write the tower: what :class:`~builders.vision.towers.modules.naflex.EncodePatches` takes ->
    ``pooled`` FP32 [batch, pooled].

    Returns:
        Facts for the manifest.

    Raises:
        SourceError: not a checkpoint that is served.
        OnnxError: torch cannot export it.
    """
    from builders.vision.towers.modules.naflex import EncodePatches

    eye, model = load_eye(checkpoint)
    example = tensors(images(eye)[0])
    made = onnx.export_torch(
        EncodePatches(model),
        example,
        axes={name: {0: "batch", 1: "patches"} for name in example},
        outputs=["pooled"],
    )
    onnx.save(made, out)
    return {
        "architecture": eye.architecture,
        "tower": eye.tower.model_type,
        "positions": eye.tower.positions,
        "pooled": eye.pooling,
    }


def images(eye: Eye) -> Sequence[Arrays]:
    """Noise like normalised patches, in three batches of images of unlike shapes."""
    random = np.random.default_rng(7)
    side, width = math.isqrt(eye.tower.positions), 3 * eye.tower.patch**2
    made: list[Arrays] = []
    for shapes, filled in zip(SHAPES, _PATCHES, strict=True):
        weights = [of_patches(*shape, side, filled) for shape in shapes]
        counts = np.array([[rows * columns] for rows, columns in shapes])
        counted = np.arange(filled) < counts
        noise = random.standard_normal((len(shapes), filled, width), np.float32)
        made.append(
            {
                "patches": noise * counted[..., None].astype(np.float32),
                "counted": counted.astype(np.int64),
                "row_weights": np.stack([rows for rows, _ in weights]),
                "column_weights": np.stack([columns for _, columns in weights]),
            }
        )
    return made


def expected(checkpoint: Path, inputs: Arrays) -> Arrays:
    """What transformers gives for the same patches; it resizes the position embeddings itself."""
    import torch

    eye, model = load_eye(checkpoint)
    counted = inputs["counted"]
    shapes = next(each for each in SHAPES if len(each) == len(counted))
    given = {
        "pixel_values": torch.from_numpy(inputs["patches"]),
        "pixel_attention_mask": torch.from_numpy(counted),
        "spatial_shapes": torch.tensor(shapes),
    }
    with torch.no_grad():
        run = getattr(model, "get_image_features", model)
        found = run(**given)
        if eye.pooling != "mean":
            return {"pooled": found.pooler_output.numpy()}
        weights = given["pixel_attention_mask"].unsqueeze(-1)
        mean = (found.last_hidden_state * weights).sum(1) / weights.sum(1)
    return {"pooled": mean.numpy()}
