"""One run with zeros at load: whether an output's rows are the batch's, where its shape is silent.

It is needed for graphs whose outputs do not name their first axis; what it shows, the C++ backend
would answer wrongly (:mod:`.joined`).
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

import onnxruntime
from repository.onnxruntime_rules.facts import (
    CONFIG_TYPES,
    Config,
    OnnxGraph,
    OnnxTensor,
    Rows,
    dims_of,
    max_batch_size,
)
from repository.onnxruntime_rules.facts import entries as entries_of
from repository.onnxruntime_rules.joined import batch_names, needs_rows

_DYNAMIC_SIZES = (32, 1)
"""What dynamic axes are given, in turn: enough for the strides of most vision models, or least."""
_MOST_ELEMENTS = 1 << 20
_FATAL = 4


def with_rows(session: onnxruntime.InferenceSession, config: Config, graph: OnnxGraph) -> OnnxGraph:
    """The graph with what a run shows of its outputs' rows; without, where zeros cannot be run.

    Args:
        session: the model.
        config: its config.
        graph: the session's inputs and outputs.
    """
    size = max_batch_size(config)
    batch = batch_names(graph)
    wanted = [
        tensor.name for tensor in graph.outputs if tensor.is_tensor and needs_rows(tensor, batch)
    ]
    if size <= 0 or not wanted:
        return graph
    rows = min(size, 2)
    for dynamic in _DYNAMIC_SIZES:
        feeds = _zeros(config, graph, rows, dynamic)
        if feeds is None:
            continue
        options = onnxruntime.RunOptions()
        options.log_severity_level = _FATAL
        try:
            arrays = session.run(wanted, feeds, options)
        except Exception:  # zeros, or these sizes, are nothing that this model takes
            continue
        seen = {name: _rows(array.shape, rows) for name, array in zip(wanted, arrays, strict=True)}
        outputs = (
            dataclasses.replace(tensor, rows=seen.get(tensor.name)) for tensor in graph.outputs
        )
        return dataclasses.replace(graph, outputs=tuple(outputs))
    return graph


def _rows(shape: tuple[int, ...], rows: int) -> Rows:
    if not shape:
        return Rows(batch=False, found="a scalar")
    return Rows(batch=shape[0] == rows, found=f"{shape[0]} rows for a batch of {rows}")


def _zeros(
    config: Config, graph: OnnxGraph, rows: int, dynamic: int
) -> dict[str, np.ndarray[Any, Any]] | None:
    """The inputs of a run; None if they would be large, or have no numpy type."""
    taken = {str(entry.get("name")): dims_of(entry) for entry in entries_of(config, "input")}
    feeds = {}
    for tensor in graph.inputs:
        shape = _shape(tensor, taken.get(tensor.name, ()), rows, dynamic)
        dtype = _dtype(tensor)
        if dtype is None or math.prod(shape) > _MOST_ELEMENTS:
            return None
        feeds[tensor.name] = (
            np.full(shape, "", np.object_) if dtype == "O" else np.zeros(shape, dtype)
        )
    return feeds


def _shape(tensor: OnnxTensor, dims: tuple[int, ...], rows: int, dynamic: int) -> tuple[int, ...]:
    if not tensor.axes:
        return ()
    known = dims if len(dims) == len(tensor.axes) - 1 else (-1,) * (len(tensor.axes) - 1)
    rest = (
        axis if axis >= 0 else dim if dim >= 0 else dynamic
        for axis, dim in zip(tensor.shape[1:], known, strict=True)
    )
    return (rows, *rest)


def _dtype(tensor: OnnxTensor) -> str | None:
    if tensor.element == "string":
        return "O"
    if tensor.element not in CONFIG_TYPES or tensor.element == "bfloat16":
        return None
    return {"float": "float32", "double": "float64"}.get(tensor.element, tensor.element)
