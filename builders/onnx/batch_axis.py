"""The batch's axis, under one name in a file that is served in batches."""

from __future__ import annotations

import re
from collections.abc import Iterator

from onnx import GraphProto, ModelProto, TensorShapeProto

_MADE_UP = re.compile(r"unk__\d+")
"""The names that shape inference gives."""


def name_batch_axis(model: ModelProto) -> None:
    """Give the first axis of every input and output one name.

    It is the batch, as a plan has made sure. The server reads names alone: it cannot tell of an
    output whose first axis has another name, or none, whether its rows are the batch's.
    """
    first = [shape.dim[0] for shape in _shapes(model.graph) if shape.dim]
    others = {axis.dim_param for shape in _shapes(model.graph) for axis in shape.dim[1:]}
    known = [axis.dim_param for axis in first if not _MADE_UP.fullmatch(axis.dim_param)]
    names = [*known, "batch", *(f"batch_{number}" for number in range(2, len(others) + 3))]
    name = next(each for each in names if each and each not in others)
    for axis in first:
        axis.dim_param = name


def _shapes(graph: GraphProto) -> Iterator[TensorShapeProto]:
    weights = {tensor.name for tensor in graph.initializer}
    for value in (*graph.input, *graph.output):
        if value.name not in weights:
            yield value.type.tensor_type.shape
