"""A checkpoint as it is served, beside what transformers says of the same images."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from builders.kit.graph import Model, OnnxModel, PythonModel, closure
from builders.vision.checkpoint.eye import Eye
from builders.vision.checkpoint.read import read_eye
from builders.vision.making import PIPELINES
from builders.vision.options import VisionOptions
from builders.vision.towers.fixed import pooled_of
from builders.vision.towers.modules.fixed import tower_of
from repository.arrays import Arrays
from runtime.inprocess import InProcess
from tests.builders.kit import repositories
from tests.builders.vision.checkpoints.seen import Seen, images

SIZES = ((61, 47), (300, 40), (33, 210), (48, 48), (5, 90), (320, 241), (90, 61))
"""Widths and heights of the images: no export saw one of these aspect ratios."""

ONE_COLUMN = (5, 90)
"""What is one column of patches to SigLIP 2, whose position embeddings torch resizes to it wrongly
on a CPU: see :mod:`builders.vision.stages.resized_positions`."""

BATCHES = (3, 5)
"""Images, or tiles, in one call of the tower, beside those of the pipeline itself."""

CLOSE = 1e-4
"""Of the largest number: how far an answer may be from transformers', as in a build's parity."""


@dataclass(frozen=True)
class Outcome:
    """How a checkpoint's answers compare.

    Attributes:
        architecture: its class in transformers.
        tower: its tower's ``model_type``.
        kind: how its tower takes images.
        embeds: the largest difference of ``image_embeds``; None if there are none.
        pooled: the largest difference of ``pooled``.
        equal: whether both are within :data:`CLOSE` of the largest number.
        counts: how many images, tiles or tokens the calls of the tower had.
    """

    architecture: str
    tower: str
    kind: str
    embeds: float | None
    pooled: float
    equal: bool
    counts: Sequence[int]


def build(checkpoint: Path, place: Path) -> InProcess:
    """Make of a checkpoint what a build would, and run it in this process.

    Args:
        checkpoint: its folder.
        place: an empty folder.
    """
    eye = read_eye(checkpoint)
    models = closure((PIPELINES[eye.kind](eye, VisionOptions(source=f"path:{checkpoint}")),))
    files: dict[str, Path] = {}
    place.mkdir(parents=True, exist_ok=True)
    for model in models:
        for export in _exports(model):
            if export.name not in files:
                files[export.name] = place / export.name
                export.make(checkpoint, files[export.name])
    repositories.write(place / "repository", models, files)
    return InProcess(place / "repository")


def _exports(model: Model) -> Sequence[Any]:
    if isinstance(model, OnnxModel):
        return (model.export,)
    return model.exports if isinstance(model, PythonModel) else ()


def judge(checkpoint: Path, place: Path) -> Outcome:
    """Ask the pipeline and transformers the same images, one by one and many at once."""
    eye, process = read_eye(checkpoint), build(checkpoint, place)
    far: dict[str, float] = {"image_embeds": 0.0, "pooled": 0.0}
    equal, look = True, told(eye)
    prepared: list[Arrays] = []
    wanted: list[Arrays] = []
    left_out = {ONE_COLUMN} if eye.kind == "naflex" else set()
    for _, image in images([size for size in SIZES if size not in left_out]):
        found = process.run("vision", {"image": _encoded(image)})
        prepared.append(process.run("preprocess", {"pixels": np.asarray(image)}))
        wanted.append(look(image))
        equal = _note(found, wanted[-1], far) and equal
    batches = BATCHES if eye.kind in ("fixed", "naflex") else ()
    for count in batches:
        stacked = {
            name: np.stack([each[name] for each in prepared[:count]]) for name in prepared[0]
        }
        found = process.run("encode", stacked)
        pooled = np.stack([each["pooled"] for each in wanted[:count]])
        equal = _note({"pooled": found["pooled"]}, {"pooled": pooled}, far) and equal
    first = next(iter(prepared[0]))
    return Outcome(
        eye.architecture,
        eye.tower.model_type,
        eye.kind,
        far["image_embeds"] if eye.projects else None,
        far["pooled"],
        equal,
        (1, *batches) if batches else sorted({len(each[first]) for each in prepared}),
    )


def _note(found: Arrays, wanted: Arrays, far: dict[str, float]) -> bool:
    """Note the largest differences; whether all are small."""
    close = True
    for name, each in wanted.items():
        assert found[name].shape == each.shape, name
        one, other = np.asarray(found[name], np.float64), np.asarray(each, np.float64)
        gap = float(np.abs(one - other).max())
        far[name] = max(far[name], gap)
        close = close and gap <= CLOSE * float(np.abs(other).max())
    return close


def _encoded(image: Image.Image) -> np.ndarray:
    file = io.BytesIO()
    image.save(file, "PNG")
    return np.frombuffer(file.getvalue(), np.uint8)


def told(eye: Eye) -> Callable[[Image.Image], Arrays]:
    """What transformers' own processor and model say of an image: ``image_embeds``, if the eye has
    a projector, and ``pooled``."""
    import torch
    import transformers

    if eye.kind == "tiled":
        seen = Seen(eye.path)

        def tiled(image: Image.Image) -> Arrays:
            found = seen.look(image)
            return {"image_embeds": found.embeds, "pooled": found.pooled}

        return tiled
    model = getattr(transformers, eye.architecture).from_pretrained(eye.path).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(eye.path, backend="pil")
    names = ("pixel_values", "pixel_attention_mask", "spatial_shapes", "image_grid_thw")

    def whole(image: Image.Image) -> Arrays:
        given = processor(image, return_tensors="pt", input_data_format="channels_last")
        asked = {name: given[name] for name in names if name in given}
        answer: dict[str, Any] = {}
        with torch.no_grad():
            if eye.projects:
                rows = model.get_image_features(**asked).pooler_output
                answer["image_embeds"] = torch.cat(list(rows))
            if eye.kind == "grid":
                answer["pooled"] = answer["image_embeds"].mean(0)
            elif eye.kind == "naflex":
                answer["pooled"] = _naflex(model, asked)
            else:
                pixels = asked["pixel_values"]
                answer["pooled"] = pooled_of(eye, model, tower_of(model), pixels, {})[0]
        return {name: each.numpy() for name, each in answer.items()}

    return whole


def _naflex(model: Any, asked: Mapping[str, Any]) -> Any:
    if hasattr(model, "get_image_features"):
        return model.get_image_features(**asked).pooler_output[0]
    return model(**asked).pooler_output[0]
