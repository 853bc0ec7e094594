"""Whether models are served alike, so that they can be one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from builders.kit.graph import Model, OnnxModel, PythonModel
from builders.kit.graph.options import BACKEND
from repository.arrays import DType


def kind(model: Model) -> str:
    """What a model can be fused with: "onnx", "python", or nothing."""
    return (
        "onnx" if type(model) is OnnxModel else "python" if isinstance(model, PythonModel) else ""
    )


def differences(first: Collection[Model], second: Collection[Model]) -> Iterator[str]:
    """Why models of one kind, some before and some after, cannot be served as one."""
    for model in (*first, *second):
        if model.decoupled:
            yield f"'{model.name}' is decoupled"
        if model.response_cache:
            yield f"'{model.name}' has its answers cached"
        if isinstance(model, PythonModel):
            yield from _of_stage(model)
        if isinstance(model, OnnxModel) and _follows_choices(model):
            yield f"'{model.name}' is compared by the choices that it makes"
    for model in second:
        if model.warmup:
            yield f"'{model.name}' has a warm-up"
    for one in first:
        for other in second:
            yield from _of_two(one, other)


def _of_stage(model: PythonModel) -> Iterator[str]:
    if model.calls or model.asks:
        yield f"'{model.name}' calls other models"
    if model.sequences is not None:
        yield f"the requests of '{model.name}' come in sequences"
    for tensor in model.outputs:
        if tensor.dtype is DType.BF16:
            yield f"numpy has no type for '{tensor.name}' of '{model.name}'"


def _follows_choices(model: OnnxModel) -> bool:
    parity = model.export.parity
    return parity is None or parity.following is not None


def _of_two(one: Model, other: Model) -> Iterator[str]:
    both = f"'{one.name}' and '{other.name}'"
    if (one.max_batch_size > 0) != (other.max_batch_size > 0):
        yield f"of {both} only one batches"
    elif (one.batching is None) != (other.batching is None):
        yield f"of {both} only one joins requests"
    if one.versions != other.versions:
        yield f"{both} serve different versions"
    places = [{(each.kind, each.gpus) for each in model.instances} for model in (one, other)]
    if places[0] != places[1] or len(places[0]) != 1:
        yield f"{both} run on different devices"
    mine, others = (
        {
            key: value
            for key, value in model.parameters.items()
            if key in BACKEND or isinstance(model, OnnxModel)
        }
        for model in (one, other)
    )
    if mine != others:
        yield f"{both} have different parameters: {_words(mine)} and {_words(others)}"


def _words(parameters: Mapping[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(parameters.items())) or "none"
