"""Sizes that only a checkpoint knows, as a vocabulary's, put into the graph by the names of axes.

A family declares such an axis as dynamic. Once its ONNX file is made the size is known, and configs
have to say it: Triton's onnxruntime backend wants the very dims of the file. Axes of one name are
of one size, so every other tensor with that axis gets it too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from builders.kit.findings import Finding, finding_of
from builders.kit.graph import DYNAMIC, Model, OnnxModel, Tensor
from builders.kit.onnx_header import OnnxUnreadable, read_header
from builders.kit.overrides import remade
from builders.kit.profile import ProfileError
from builders.kit.recipe import Recipe

Sizes = dict[str, dict[int, str]]
"""Axis -> the sizes found for it, each with the place where it was found."""


def sized(recipe: Recipe, exports: Mapping[str, Path]) -> Recipe:
    """The recipe with the sizes that its ONNX files have.

    Args:
        recipe: what is built.
        exports: ``family/export`` -> where it lies; models whose file is missing teach nothing.

    Raises:
        ProfileError: two files give one axis different sizes.
    """
    found: Sizes = {}
    for model in recipe.models:
        if not isinstance(model, OnnxModel):
            continue
        for each in recipe.exports_of(model).values():
            if each in exports:
                _learn(model, exports[each], found)
    _refuse_conflicts(found)
    sizes = {axis: next(iter(each)) for axis, each in found.items()}
    return replace(recipe, models=_with_sizes(recipe.models, sizes)) if sizes else recipe


def _learn(model: OnnxModel, path: Path, found: Sizes) -> None:
    try:
        graph = read_header(path / path.name if path.is_dir() else path).graph
    except (OnnxUnreadable, OSError):
        return  # the check says what is wrong with the file
    shapes = {tensor.name: tensor.shape for tensor in (*graph.inputs, *graph.outputs)}
    for tensor in (*model.inputs, *model.outputs):
        axes, shape = list(tensor.axes.items()), shapes.get(tensor.name, ())
        if len(axes) != len(shape):
            continue
        for (axis, declared), size in zip(axes, shape, strict=True):
            if declared == DYNAMIC and isinstance(size, int) and size > 0:
                found.setdefault(axis, {}).setdefault(size, f"{model.name}.{tensor.name}")


def _refuse_conflicts(found: Sizes) -> None:
    findings: list[Finding] = [
        finding_of(
            "axis-size",
            f"axis '{axis}'",
            "one size wherever it stands",
            " and ".join(f"{size} in {where}" for size, where in sizes.items()),
            "Give the axes different names in the graph, or use checkpoints that fit together.",
        )
        for axis, sizes in found.items()
        if len(sizes) > 1
    ]
    if findings:
        raise ProfileError(findings)


def _with_sizes(models: Sequence[Model], sizes: Mapping[str, int]) -> tuple[Model, ...]:
    def one(tensor: Tensor) -> Tensor:
        axes = {
            axis: sizes.get(axis, size) if size == DYNAMIC else size
            for axis, size in tensor.axes.items()
        }
        return replace(tensor, axes=axes) if axes != dict(tensor.axes) else tensor

    def change(model: Model) -> Model:
        inputs, outputs = (tuple(map(one, side)) for side in (model.inputs, model.outputs))
        if (inputs, outputs) == (model.inputs, model.outputs):
            return model
        return replace(model, inputs=inputs, outputs=outputs)

    return remade(models, change)
