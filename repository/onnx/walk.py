"""Walks through an ONNX model: its graphs, nodes and constant tensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from onnx import (
    AttributeProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    ValueInfoProto,
)


def opset(model: ModelProto) -> int:
    """The version of the default operator domain; 0 if the model imports none."""
    return next((int(e.version) for e in model.opset_import if e.domain in ("", "ai.onnx")), 0)


def graphs(model: ModelProto) -> Iterator[GraphProto]:
    """The main graph and every graph nested in its nodes, outermost first.

    Those in the model's functions are not among them: names mean other tensors there.
    """
    yield from _nested([model.graph])


def _nested(outermost: Iterable[GraphProto]) -> Iterator[GraphProto]:
    pending = list(outermost)
    while pending:
        graph = pending.pop(0)
        yield graph
        pending.extend(_graphs_in(graph.node))


def _graphs_in(of: Iterable[NodeProto]) -> Iterator[GraphProto]:
    for attribute in _attributes(of):
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def _every_graph(model: ModelProto) -> Iterator[GraphProto]:
    """The graphs, and those nested in the nodes of the model's functions."""
    yield from graphs(model)
    for function in model.functions:
        yield from _nested(_graphs_in(function.node))


def nodes(model: ModelProto) -> Iterator[NodeProto]:
    """Every node of the main graph, of the model's functions, and of graphs nested in either."""
    for graph in _every_graph(model):
        yield from graph.node
    for function in model.functions:
        yield from function.node


def named(graph: GraphProto) -> tuple[ValueInfoProto | TensorProto, ...]:
    """What a graph declares by name: inputs, outputs, tensors between them, and initialisers."""
    return (*graph.input, *graph.output, *graph.value_info, *graph.initializer)


def tensors(model: ModelProto) -> Iterator[TensorProto]:
    """Every constant tensor: initialisers, sparse ones' values and indices, and attributes'."""
    for graph in _every_graph(model):
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield sparse.values
            yield sparse.indices
    for attribute in _attributes(nodes(model)):
        if attribute.type == AttributeProto.TENSOR:
            yield attribute.t
        yield from attribute.tensors
        if attribute.type == AttributeProto.SPARSE_TENSOR:
            yield attribute.sparse_tensor.values
            yield attribute.sparse_tensor.indices


def _attributes(of: Iterable[NodeProto]) -> Iterator[AttributeProto]:
    for node in of:
        yield from node.attribute
