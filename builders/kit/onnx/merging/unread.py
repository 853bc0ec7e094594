"""Nodes and weights of an ONNX model that no output needs."""

from __future__ import annotations

from collections.abc import Iterable

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto


def drop_unread(model: ModelProto) -> None:
    """Remove them from the main graph, in place; its nodes stand in an order in which they run."""
    graph = model.graph
    wanted = {value.name for value in graph.output}
    kept: list[NodeProto] = []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(_read([node]))
    if len(kept) < len(graph.node):
        del graph.node[:]
        graph.node.extend(reversed(kept))
    for name in ("initializer", "value_info"):
        values = getattr(graph, name)
        for place in reversed(range(len(values))):
            if values[place].name not in wanted:
                del values[place]
    sparse = graph.sparse_initializer
    for place in reversed(range(len(sparse))):
        if sparse[place].values.name not in wanted:
            del sparse[place]


def _read(nodes: Iterable[NodeProto]) -> Iterable[str]:
    """What nodes read, in the graphs nested in them too."""
    for node in nodes:
        yield from filter(None, node.input)
        for nested in _nested(node):
            yield from _read(nested.node)
            yield from (value.name for value in nested.output)


def _nested(node: NodeProto) -> Iterable[GraphProto]:
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs
