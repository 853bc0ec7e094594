"""The recogniser's end: each step's best class, its probability, and that of a space.

A line has 18,710 scores for each step. For all lines at once these are hundreds of megabytes, which
fit into no cache. So a Scan takes one line at a time, and memory does not grow with the page.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from onnx import (
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    ValueInfoProto,
    helper,
    numpy_helper,
)

from builders.kit import onnx as kit_onnx
from builders.kit.onnx.surgery import Attribute, make_node

BLOCK = 128
"""Classes that are compared at once; 64 and 256 are as fast."""

NEVER = -1e30
"""The logit of a class that fills the last block: its probability is 0."""

_SCALAR_OUTPUTS = (
    ("index", TensorProto.INT32),
    ("probability", TensorProto.FLOAT),
    ("space", TensorProto.FLOAT),
)


@dataclass(frozen=True)
class _Linear:
    """The nodes of ``softmax(features @ weight + bias)``."""

    softmax: NodeProto
    add: NodeProto
    product: NodeProto
    weight: TensorProto
    bias: TensorProto

    @property
    def features(self) -> str:
        return str(self.product.input[0])


def replace_scores(model: ModelProto, name: str, space: int) -> str:
    """Replace an output of class probabilities, in place, by three of their reductions.

    ``scores`` FP32 [crops, steps, classes] goes; ``index`` INT32, the best class of each step,
    ``probability`` FP32, its probability, and ``space`` FP32, the probability of a space, all
    [crops, steps], come.

    Args:
        model: changed in place.
        name: the output of probabilities.
        space: the class number of a space.

    Returns:
        "scan" where the model ends in a linear layer and a softmax, taken line by line; else
        "whole".
    """
    linear = _find_linear(model, name)
    if linear is None:
        column = _constant(model.graph, "scores/space_class", np.asarray(space, np.int64))
        model.graph.node.append(
            helper.make_node("Gather", [name, column], ["space"], "scores/space", axis=2)
        )
        kit_onnx.append_arg_max(model, name)
        model.graph.output.append(_output("space", TensorProto.FLOAT))
        return "whole"
    graph = model.graph
    for node in (linear.softmax, linear.add, linear.product):
        graph.node.remove(node)
    for tensor in (linear.weight, linear.bias):
        graph.initializer.remove(tensor)
    outputs = [output for output, _ in _SCALAR_OUTPUTS]
    graph.node.append(
        helper.make_node(
            "Scan",
            [linear.features],
            outputs,
            "scores/line_by_line",
            body=_body(linear, space),
            num_scan_inputs=1,
        )
    )
    del graph.output[:]
    graph.output.extend(_output(output, dtype) for output, dtype in _SCALAR_OUTPUTS)
    return "scan"


def _find_linear(model: ModelProto, name: str) -> _Linear | None:
    """The last layer, if it is one that every line can take alone."""
    graph = model.graph
    made_by = {output: node for node in graph.node for output in node.output}
    weights = {tensor.name: tensor for tensor in graph.initializer}
    softmax = made_by.get(name)
    # From opset 13 on the reductions take their axes as an input, which the body does not do.
    if softmax is None or softmax.op_type != "Softmax" or kit_onnx.opset(model) >= 13:
        return None
    add = made_by.get(softmax.input[0])
    if add is None or add.op_type != "Add":
        return None
    for one, other in (tuple(add.input), tuple(add.input)[::-1]):
        product, bias = made_by.get(one), weights.get(other)
        if product is None or bias is None or product.op_type != "MatMul":
            continue
        weight = weights.get(product.input[1])
        if weight is None or len(weight.dims) != 2:
            continue
        readers = [node for node in graph.node if {weight.name, bias.name} & set(node.input)]
        if len(readers) == 2:
            return _Linear(softmax, add, product, weight, bias)
    return None


def _body(linear: _Linear, space: int) -> GraphProto:
    """One line: FP32 [steps, features] -> three times [steps].

    The best class is looked for in two stages, the best block of classes and the best class of
    that block: a maximum over many short rows takes a quarter of a search through one long row.
    The classes are filled up to whole blocks with some that are never likely, and the bias is one
    more row of the weights, as adding it would go through all scores again.
    """
    weight, bias = (numpy_helper.to_array(tensor) for tensor in (linear.weight, linear.bias))
    classes = weight.shape[1]
    missing = -classes % BLOCK
    blocks = (classes + missing) // BLOCK
    filled = np.pad(bias.reshape(-1), (0, missing), constant_values=NEVER)
    constants = {
        "weight": np.vstack((np.pad(weight, ((0, 0), (0, missing))), filled)),
        "one_more": np.asarray([0, 0, 0, 1], np.int64),
        "with_one": np.asarray(1, np.float32),
        "one": np.asarray([1], np.int64),
        "block_size": np.asarray([BLOCK], np.int64),
        "by_block": np.asarray([-1, blocks, BLOCK], np.int64),
        "row": np.asarray([1, 1, BLOCK], np.int64),
        "space_class": np.asarray([space], np.int64),
    }
    steps: tuple[tuple[str, list[str], list[str], dict[str, Attribute]], ...] = (
        ("Pad", ["line", "one_more", "with_one"], ["features"], {}),
        ("MatMul", ["features", "weight"], ["logits"], {}),
        ("Softmax", ["logits"], ["scores"], {"axis": 1}),
        ("Reshape", ["scores", "by_block"], ["blocks"], {}),
        ("ReduceMax", ["blocks"], ["best_of_blocks"], {"axes": [2], "keepdims": 0}),
        ("TopK", ["best_of_blocks", "one"], ["best", "best_block"], {"axis": 1}),
        ("Unsqueeze", ["best_block"], ["block_column"], {"axes": [2]}),
        ("Expand", ["block_column", "row"], ["block_row"], {}),
        ("GatherElements", ["blocks", "block_row"], ["gathered"], {"axis": 1}),
        ("Squeeze", ["gathered"], ["block"], {"axes": [1]}),
        ("TopK", ["block", "one"], ["best_again", "place"], {"axis": 1}),
        ("Mul", ["best_block", "block_size"], ["block_start"], {}),
        ("Add", ["block_start", "place"], ["best_class"], {}),
        ("Gather", ["scores", "space_class"], ["space_probability"], {"axis": 1}),
        ("Squeeze", ["best_class"], ["class"], {"axes": [1]}),
        ("Cast", ["class"], ["line_index"], {"to": TensorProto.INT32}),
        ("Squeeze", ["best"], ["line_probability"], {"axes": [1]}),
        ("Squeeze", ["space_probability"], ["line_space"], {"axes": [1]}),
    )
    nodes = [
        make_node(operator, inputs, outputs, f"line/{outputs[0]}", **attributes)
        for operator, inputs, outputs, attributes in steps
    ]
    return helper.make_graph(
        nodes,
        "line",
        [helper.make_tensor_value_info("line", TensorProto.FLOAT, ["steps", weight.shape[0]])],
        [
            helper.make_tensor_value_info(f"line_{output}", dtype, ["steps"])
            for output, dtype in _SCALAR_OUTPUTS
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )


def _output(name: str, dtype: int) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, ["crops", "steps"])


def _constant(graph: GraphProto, name: str, value: np.ndarray) -> str:
    graph.initializer.append(numpy_helper.from_array(value, name))
    return name
