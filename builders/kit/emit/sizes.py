"""Sizes that only a checkpoint knows, as a vocabulary's, put into configs by the names of axes.

A family declares such an axis as dynamic. Once its ONNX file is made the size is known, and configs
have to say it: Triton's onnxruntime backend wants the very dims of the file. Axes of one name are
of one size, so every other tensor with that axis gets it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from builders.kit.graph import DYNAMIC, Model, OnnxModel, closure
from builders.kit.onnx.files import model_file
from builders.kit.recipe.profile import ProfileError
from builders.kit.recipe.recipe import Recipe
from repository.config.proto import pb
from repository.findings import Finding, finding_of
from repository.onnx.content import OnnxError
from repository.onnx.header import OnnxUnreadable, read_header

Sizes = dict[str, dict[int, str]]
"""Axis -> the sizes found for it, each with the place where it was found."""


def sized(
    recipe: Recipe, configs: Mapping[str, pb.ModelConfig], exports: Mapping[str, Path]
) -> dict[str, pb.ModelConfig]:
    """The configs with the sizes that the recipe's ONNX files have.

    Args:
        recipe: what is built.
        configs: each model's config, as its model declares it.
        exports: ``family/export`` -> where it lies; models whose file is missing teach nothing.

    Raises:
        ProfileError: two files of one graph give an axis different sizes.
    """
    learnt = {
        model.name: _learn(model, exports[each])
        for model in recipe.models
        if isinstance(model, OnnxModel)
        for each in recipe.exports_of(model).values()
        if each in exports
    }
    of_models: dict[str, Sizes] = {model.name: {} for model in recipe.models}
    for model in recipe.models:
        # What a model needs, and what that needs, is one graph with it: names mean the same there.
        graph = [each.name for each in closure((model,))]
        found: Sizes = {}
        for name in graph:
            _merge(found, learnt.get(name, {}))
        _refuse_conflicts(found)
        for name in graph:
            _merge(of_models[name], found)
    return {
        model.name: _with_sizes(model, configs[model.name], of_models[model.name])
        for model in recipe.models
    }


def _merge(into: Sizes, more: Sizes) -> None:
    for axis, sizes in more.items():
        into.setdefault(axis, {}).update(sizes)


def _learn(model: OnnxModel, path: Path) -> Sizes:
    found: Sizes = {}
    try:
        graph = read_header(model_file(path) if path.is_dir() else path).graph
    except (OnnxError, OnnxUnreadable, OSError):
        return found  # the check says what is wrong with the file
    shapes = {tensor.name: tensor.shape for tensor in (*graph.inputs, *graph.outputs)}
    for tensor in (*model.inputs, *model.outputs):
        axes, shape = list(tensor.axes.items()), shapes.get(tensor.name, ())
        if len(axes) != len(shape):
            continue
        for (axis, declared), size in zip(axes, shape, strict=True):
            if declared == DYNAMIC and isinstance(size, int) and size > 0:
                found.setdefault(axis, {}).setdefault(size, f"{model.name}.{tensor.name}")
    return found


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


def _with_sizes(model: Model, declared: pb.ModelConfig, sizes: Sizes) -> pb.ModelConfig:
    config = pb.ModelConfig()
    config.CopyFrom(declared)
    entries: list[pb.ModelInput | pb.ModelOutput] = [*config.input, *config.output]
    for tensor, entry in zip((*model.inputs, *model.outputs), entries, strict=True):
        # A config leaves out the batch axis, which is the first, where a model batches.
        axes = list(tensor.axes)[len(tensor.axes) - len(entry.dims) :]
        for place, axis in enumerate(axes):
            if entry.dims[place] == DYNAMIC and axis in sizes:
                entry.dims[place] = next(iter(sizes[axis]))
    return config
