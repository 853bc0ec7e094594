"""Whether the rows of an ONNX graph's outputs are those of the batch, as far as the file shows it.

Shapes are inferred with small batches in place of the batch axis, so that an output of two rows for
each row, or of as many rows as a NonZero finds, is known without a run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from repository.check.onnx import ml_shapes
from repository.onnx.header import OnnxHeader
from repository.onnxruntime_rules.facts import (
    Config,
    OnnxGraph,
    Rows,
    dims_of,
    entries,
    max_batch_size,
)

_DYNAMIC_SIZES = (64, 7)
"""What other dynamic axes are given, in turn: a size that strides divide, and one that few do."""

_ROUNDS = 30
"""How often inference is run again, as each time one more operator of a chain may be known."""

_DEPENDENT = {"NonZero", "NonMaxSuppression", "Unique", "Compress"}
"""Operators whose result has as many rows as the values say."""
_PASSING = {
    "Identity",
    "Cast",
    "Transpose",
    "Squeeze",
    "Unsqueeze",
    "Slice",
    "Gather",
    "GatherND",
    "Concat",
    "Reshape",
}
"""Operators whose result has an unknown shape only if one of their inputs has."""


def with_rows(header: OnnxHeader, config: Config) -> OnnxGraph:
    """The graph, with what is known of its outputs' rows.

    Args:
        header: what the file says.
        config: the model's config, as a mapping; see :data:`~repository.onnxruntime_rules.facts`.
    """
    size = max_batch_size(config)
    graph = header.graph
    if size <= 0 or any(entry.get("allow_ragged_batch") for entry in entries(config, "input")):
        return graph
    tries = [
        _inferred(header, config, rows, dynamic)
        for dynamic in _DYNAMIC_SIZES
        for rows in sorted({1, min(size, 2), min(size, 3)}, reverse=True)
    ]
    found = {
        tensor.name: _agreed([seen.get(tensor.name) for seen in tries]) for tensor in graph.outputs
    }
    outputs = tuple(
        dataclasses.replace(tensor, rows=found.get(tensor.name)) for tensor in graph.outputs
    )
    return dataclasses.replace(graph, outputs=outputs)


def _agreed(seen: Sequence[Rows | None]) -> Rows | None:
    """One mismatch settles it, for the backend would cut that batch; else all have to agree."""
    for rows in seen:
        if rows is not None and not rows.batch:
            return rows
    return None if None in seen else seen[0]


def _inferred(header: OnnxHeader, config: Config, rows: int, dynamic: int) -> dict[str, Rows]:
    """What inference knows of each output for a batch of so many rows."""
    from onnx import ModelProto, checker, shape_inference

    model = ModelProto()
    model.CopyFrom(header.model)
    taken = {str(entry.get("name", "")): dims_of(entry) for entry in entries(config, "input")}
    needed = {tensor.name for tensor in header.graph.inputs}
    for value in model.graph.input:
        if value.name in needed and value.type.HasField("tensor_type"):
            _fix(value.type.tensor_type.shape.dim, taken.get(value.name, ()), rows, dynamic)
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    try:
        graph = shape_inference.infer_shapes(model, data_prop=True).graph
        for _ in range(_ROUNDS if ml_shapes.has_any(model) else 0):
            if not ml_shapes.learn(model, graph):
                break
            graph = shape_inference.infer_shapes(model, data_prop=True).graph
    except (checker.ValidationError, shape_inference.InferenceError, RuntimeError, ValueError):
        return {}
    shapes = {
        value.name: value.type.tensor_type.shape
        for value in (*graph.input, *graph.value_info, *graph.output)
        if value.type.tensor_type.HasField("shape")
    }
    found = {}
    for value in graph.output:
        seen = _rows(shapes.get(value.name), rows)
        if seen is None and (operator := _dependent(graph, shapes, value.name)):
            seen = Rows(batch=False, found=f"as many rows as a {operator} node finds")
        if seen is not None:
            found[value.name] = seen
    return found


def _fix(axes: Any, dims: tuple[int, ...], rows: int, dynamic: int) -> None:
    """Gives every axis a size: the batch first, the config's where it fixes one."""
    if not axes:
        return
    known = dims if len(dims) == len(axes) - 1 else (-1,) * (len(axes) - 1)
    axes[0].dim_value = rows
    for axis, dim in zip(axes[1:], known, strict=True):
        if not axis.HasField("dim_value") or axis.dim_value < 0:
            axis.dim_value = dim if dim >= 0 else dynamic


def _rows(shape: Any, rows: int) -> Rows | None:
    if shape is None:
        return None
    if not shape.dim:
        return Rows(batch=False, found="a scalar")
    if not shape.dim[0].HasField("dim_value"):
        return None
    size = shape.dim[0].dim_value
    return Rows(batch=size == rows, found=f"{size} rows for a batch of {rows}")


def _dependent(graph: Any, shapes: Mapping[str, Any], name: str) -> str:
    """The operator from whose values alone an unknown shape comes; empty if none is known."""
    producers = {output: node for node in graph.node for output in node.output}
    constants = {tensor.name for tensor in graph.initializer}
    operators = set()
    waiting, seen = [name], {name}
    while waiting:
        tensor = waiting.pop()
        shape = shapes.get(tensor)
        whole = shape is not None and all(axis.HasField("dim_value") for axis in shape.dim)
        if tensor in constants or (whole and tensor != name):
            continue
        node = producers.get(tensor)
        if node is None:
            return ""
        if node.op_type in _DEPENDENT:
            operators.add(node.op_type)
        elif node.op_type in _PASSING:
            fresh = [each for each in node.input if each and each not in seen]
            seen.update(fresh)
            waiting += fresh
        elif node.op_type != "Constant":
            return ""
    return min(operators, default="")
