"""Which integers an input may hold: as many as the tables have rows that it is looked up in."""

from __future__ import annotations

from collections.abc import Iterator

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto

from repository.onnx.walk import graphs

_SHAPING = {
    "Cast",
    "Expand",
    "Flatten",
    "Identity",
    "Reshape",
    "Slice",
    "Squeeze",
    "Tile",
    "Transpose",
    "Unsqueeze",
}
"""Operators whose output has the values of their first input."""

_TABLES = {"Cast", "DequantizeLinear", "Identity"}
"""Operators that give a table of as many rows as their first input's."""

_EMBEDDINGS = {
    "EmbedLayerNormalization": ((0, 2), (1, 4)),
    "QEmbedLayerNormalization": ((0, 2), (1, 4)),
}
"""Operators of com.microsoft -> pairs of the place of an input of indices, and of their table."""


def index_limits(model: ModelProto) -> dict[str, int]:
    """Input -> how many rows the smallest table has that its values are looked up in.

    Args:
        model: its weights' shapes are enough.
    """
    shapes = {
        tensor.name: list(tensor.dims) for graph in graphs(model) for tensor in graph.initializer
    }
    every = [node for graph in graphs(model) for node in graph.node]
    producers = {output: node for node in every for output in node.output}
    inputs = {value.name for value in model.graph.input}
    limits: dict[str, int] = {}
    for node in every:
        for indices, table, axis in _lookups(node):
            rows = _rows(_through(table, producers, _TABLES), axis, shapes)
            name = _through(indices, producers, _SHAPING)
            if rows and name in inputs:
                limits[name] = min(limits.get(name, rows), rows)
    return limits


def tree_inputs(graph: GraphProto) -> set[str]:
    """Names of tensors that operators of ai.onnx.ml read: features, which may be any number."""
    return {name for node in graph.node if node.domain == "ai.onnx.ml" for name in node.input}


def _lookups(node: NodeProto) -> Iterator[tuple[str, str, int]]:
    """Names of indices and of their table, and the table's axis that they count along."""
    if node.op_type in ("Gather", "GatherElements") and len(node.input) > 1:
        yield node.input[1], node.input[0], _integer(node, "axis")
    for indices, table in _EMBEDDINGS.get(node.op_type, ()):
        if max(indices, table) < len(node.input):
            yield node.input[indices], node.input[table], 0


def _integer(node: NodeProto, name: str) -> int:
    return next(
        (
            int(each.i)
            for each in node.attribute
            if each.name == name and each.type == AttributeProto.INT
        ),
        0,
    )


def _through(name: str, producers: dict[str, NodeProto], passing: set[str]) -> str:
    """The tensor behind operators that keep its values."""
    for _ in range(len(producers) + 1):
        node = producers.get(name)
        if node is None or node.op_type not in passing or not node.input:
            break
        name = node.input[0]
    return name


def _rows(table: str, axis: int, shapes: dict[str, list[int]]) -> int:
    shape = shapes.get(table, [])
    return int(shape[axis]) if -len(shape) <= axis < len(shape) else 0
