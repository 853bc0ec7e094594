"""The two sides of a tensor that joins parts of a merged model: names of axes, types and sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onnx import ModelProto, TensorProto, TensorShapeProto, ValueInfoProto

from repository.onnx.content import OnnxError
from repository.onnx.walk import graphs


def name_axes(
    model: ModelProto, number: int, ends: Mapping[str, ValueInfoProto], symbols: set[str]
) -> None:
    """One name for an axis on both sides of a joint, and different ones for what only seems one.

    Args:
        model: the part, changed.
        number: its place among the parts.
        ends: what the parts before it read and write.
        symbols: the names that they use; gets this part's.
    """
    values = [
        value
        for graph in graphs(model)
        for value in (*graph.input, *graph.output, *graph.value_info)
    ]
    new: dict[str, str] = {}
    for value in model.graph.input:
        if value.name in ends:
            for before, here in zip(_dims(ends[value.name]), _dims(value), strict=False):
                if here.dim_param and before.dim_param:
                    new.setdefault(here.dim_param, before.dim_param)
    given = set(new.values())
    for symbol in sorted({dim.dim_param for value in values for dim in _dims(value)} - {""}):
        if symbol not in new:
            name = symbol
            while name in symbols or name in given:
                name = f"{name}_{number}"
            new[symbol] = name
            given.add(name)
    for value in values:
        for dim in _dims(value):
            if dim.dim_param:
                dim.dim_param = new[dim.dim_param]
    symbols |= given


def _dims(value: ValueInfoProto) -> Sequence[TensorShapeProto.Dimension]:
    return value.type.tensor_type.shape.dim


def refuse_ends(before: ValueInfoProto, after: ValueInfoProto) -> None:
    """Refuse a tensor whose two sides do not fit.

    Raises:
        OnnxError: they differ in type, or in the size of an axis.
    """
    kinds = [each.type.WhichOneof("value") for each in (before, after)]
    types = [each.type.tensor_type.elem_type for each in (before, after)]
    if kinds[0] != kinds[1] or types[0] != types[1]:
        names = [TensorProto.DataType.Name(each) for each in types]
        raise OnnxError(
            f"tensor '{before.name}': expected one type on both sides, found {names[0]} and "
            f"{names[1]}. Join tensors of one type."
        )
    if not all(each.type.tensor_type.HasField("shape") for each in (before, after)):
        return
    sizes = [
        [dim.dim_value if dim.HasField("dim_value") else -1 for dim in _dims(each)]
        for each in (before, after)
    ]
    fit = len(sizes[0]) == len(sizes[1]) and all(
        one == other or -1 in (one, other) for one, other in zip(*sizes, strict=True)
    )
    if not fit:
        raise OnnxError(
            f"tensor '{before.name}': expected one shape on both sides, found {sizes[0]} and "
            f"{sizes[1]}. Join tensors of one shape."
        )
