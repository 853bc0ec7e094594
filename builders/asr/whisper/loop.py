"""Two exported graphs to one: the first once, the second as the body of an ONNX ``Loop``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto, helper, numpy_helper

from builders.kit.onnx.surgery import Attribute, make_node
from repository.onnx.content import OnnxError
from repository.onnx.walk import graphs, named


def joined(
    once: ModelProto,
    each: ModelProto,
    *,
    carried: Mapping[str, str],
    first: Mapping[str, npt.NDArray[np.generic]],
) -> ModelProto:
    """A model that runs ``once``, then ``each`` in a ``Loop``.

    Names join the two. An input of ``each`` is a carried value, ``position`` (INT64 [1], the
    iteration), or the input or output of ``once`` of that name. ``steps``, an output of ``once``
    INT64 [1], bounds the iterations. The first output of ``each`` says whether to go on; outputs
    that no carried value takes over are gathered, one entry an iteration.

    Args:
        once: is left as it was; so is ``each``.
        each: the body; its weights become the outer graph's.
        carried: input of ``each`` -> the output that the next iteration gets in its place.
        first: carried input -> its value in the first iteration, with one row; it is repeated
            for every row of the first output of ``once``.

    Returns:
        The joined model: inputs of ``once``; as outputs, ``<input>_last`` of each carried input
        and ``<output>_all`` of each gathered output, of shape [iterations, ...].

    Raises:
        OnnxError: an input of ``each`` that nothing gives.
    """
    model, body_model = ModelProto(), ModelProto()
    model.CopyFrom(once)
    body_model.CopyFrom(each)
    graph, body = model.graph, body_model.graph
    given = {value.name for value in (*graph.input, *graph.output)}
    missing = [v.name for v in body.input if v.name not in {*given, *carried, "position"}]
    if missing:
        raise OnnxError(f"expected the body's inputs from somewhere, found none of {missing}.")
    ends = {value.name for value in (*body.input, *body.output)}
    _prefix(body_model, "each/", keep=ends - {"position"})
    graph.initializer.extend(body.initializer)
    del body.initializer[:]

    rows = graph.output[0].name
    _node(graph, "Shape", [rows], ["loop/rows"], start=0, end=1)
    for name, value in first.items():
        _constant(graph, f"loop/{name}/rest", np.asarray(value.shape[1:], np.int64))
        _node(graph, "Concat", ["loop/rows", f"loop/{name}/rest"], [f"loop/{name}/shape"], axis=0)
        shape, result = f"loop/{name}/shape", f"loop/{name}/first"
        if value.size:
            _constant(graph, f"loop/{name}", value)
            _node(graph, "Expand", [f"loop/{name}", shape], [result])
        else:
            zero = numpy_helper.from_array(np.zeros(1, value.dtype))
            _node(graph, "ConstantOfShape", [shape], [result], value=zero)

    names = list(carried)
    values = {value.name: value for value in (*body.input, *body.output)}
    on, *_ = (value.name for value in body.output)
    gathered = [v.name for v in body.output if v.name != on and v.name not in carried.values()]
    ins = [
        helper.make_tensor_value_info("each/iteration", TensorProto.INT64, []),
        helper.make_tensor_value_info("each/before", TensorProto.BOOL, []),
        *(_untied(values[name]) for name in names),
    ]
    outs = [
        helper.make_tensor_value_info("each/after", TensorProto.BOOL, []),
        *(_untied(values[carried[name]]) for name in names),
        *(_untied(values[name]) for name in gathered),
    ]
    nodes = list(body.node)
    del body.node[:], body.input[:], body.output[:]
    _constant(body, "each/scalar", np.zeros(0, np.int64))
    _constant(body, "each/vector", np.ones(1, np.int64))
    _node(body, "Reshape", ["each/iteration", "each/vector"], ["each/position"])
    body.node.extend(nodes)
    _node(body, "Reshape", [on, "each/scalar"], ["each/after"])
    body.input.extend(ins)
    body.output.extend(outs)
    del body.value_info[:]

    _constant(graph, "loop/scalar", np.zeros(0, np.int64))
    _constant(graph, "loop/true", np.asarray(True))
    _node(graph, "Reshape", ["steps", "loop/scalar"], ["loop/steps"])
    results = [*(f"{name}_last" for name in names), *(f"{name}_all" for name in gathered)]
    _node(
        graph,
        "Loop",
        ["loop/steps", "loop/true", *(f"loop/{name}/first" for name in names)],
        results,
        body=body,
    )
    del graph.output[:]
    for name, out in zip(results, outs[1:], strict=True):
        made = ValueInfoProto()
        made.CopyFrom(out)
        made.name = name
        if name.endswith("_all"):
            kind, dims = out.type.tensor_type.elem_type, list(_dims(out))
            made.CopyFrom(helper.make_tensor_value_info(name, kind, ["iterations", *dims]))
        graph.output.append(made)
    return model


def _dims(value: ValueInfoProto) -> Sequence[int | str | None]:
    return [
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None
        for dim in value.type.tensor_type.shape.dim
    ]


def _untied(value: ValueInfoProto) -> ValueInfoProto:
    """The tensor, the sizes that change from iteration to iteration left open."""
    dims = [dim if isinstance(dim, int) or dim == "rows" else None for dim in _dims(value)]
    made = helper.make_tensor_value_info(value.name, value.type.tensor_type.elem_type, dims)
    assert isinstance(made, ValueInfoProto)
    return made


def _node(
    graph: GraphProto, kind: str, ins: list[str], outs: list[str], **attributes: Attribute
) -> None:
    graph.node.append(make_node(kind, ins, outs, f"{outs[0]}/{kind}", **attributes))


def _constant(graph: GraphProto, name: str, value: npt.NDArray[np.generic]) -> None:
    graph.initializer.append(numpy_helper.from_array(np.asarray(value, order="C"), name))


def _prefix(model: ModelProto, prefix: str, keep: set[str]) -> None:
    """Give every tensor and node of the body a unique name, except those that join."""

    def new(name: str) -> str:
        return name if not name or name in keep else f"{prefix}{name}"

    for graph in graphs(model):
        for node in graph.node:
            node.name = f"{prefix}{node.name}"
            node.input[:] = [new(name) for name in node.input]
            node.output[:] = [new(name) for name in node.output]
        for value in named(graph):
            value.name = new(value.name)
