"""The functions that an ONNX file brings with it, by names that no other file has."""

from __future__ import annotations

from collections.abc import Iterable

from onnx import AttributeProto, ModelProto, NodeProto


def keep_apart(model: ModelProto, number: int) -> None:
    """Put a number before the names of a model's functions, in place, wherever they are called."""
    mine = {(function.domain, function.name) for function in model.functions}
    if not mine:
        return
    for node in _every(model.graph.node):
        _rename(node, mine, number)
    for function in model.functions:
        for node in _every(function.node):
            _rename(node, mine, number)
        function.name = f"{number}_{function.name}"


def _rename(node: NodeProto, mine: set[tuple[str, str]], number: int) -> None:
    if (node.domain, node.op_type) in mine:
        node.op_type = f"{number}_{node.op_type}"


def _every(nodes: Iterable[NodeProto]) -> Iterable[NodeProto]:
    pending = list(nodes)
    while pending:
        node = pending.pop()
        yield node
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                pending.extend(attribute.g.node)
            for graph in attribute.graphs:
                pending.extend(graph.node)
