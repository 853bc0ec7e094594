"""New ends for a model: preprocessing before an input, a reduction after an output.

What moves into the graph is not sent between processes: an image enters as bytes instead of
floats, and a class index leaves instead of every class' score.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from onnx import (
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    ValueInfoProto,
    helper,
    numpy_helper,
)

from repository.onnx.content import OnnxError
from repository.onnx.walk import graphs, opset

_CHANNEL_AXIS = {"NCHW": 1, "NHWC": 3}


def prepend_image_preprocessing(
    model: ModelProto,
    name: str,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    scale: float = 1 / 255,
    layout: Literal["NCHW", "NHWC"] = "NCHW",
    reverse_channels: bool = False,
) -> None:
    """Let an image input take UINT8 pixels, in place: ``(pixel * scale - mean) / std`` inside.

    The input keeps its name and becomes UINT8 ``[batch, height, width, channels]``, with the sizes
    and axis names that it had.

    Args:
        model: changed in place.
        name: the input: FP32, rank 4, normalised, in ``layout``.
        mean: subtracted after scaling, one for each channel in the order that the model takes.
        std: divided by after that, likewise.
        scale: the factor of a pixel, before both.
        layout: that of the model so far.
        reverse_channels: the new input has RGB where the model takes BGR, or the other way.

    Raises:
        OnnxError: no such input, or not FP32 of rank 4 with as many channels as ``mean``.
    """
    graph = model.graph
    image = _find(graph.input, name, "input")
    dims = list(image.type.tensor_type.shape.dim)
    if image.type.tensor_type.elem_type != TensorProto.FLOAT or len(dims) != 4:
        raise OnnxError(f"input '{name}': expected an FP32 image of rank 4, found another tensor.")
    channels = dims[_CHANNEL_AXIS[layout]]
    if len(mean) != len(std) or (channels.dim_value > 0 and channels.dim_value != len(mean)):
        raise OnnxError(
            f"input '{name}': expected a mean and a std for each channel, found {len(mean)} and "
            f"{len(std)} for {channels.dim_value} channels."
        )
    # One multiplication and one addition: x * (scale / std) - mean / std, in double until here.
    factor = np.float64(scale) / np.asarray(std, np.float64)
    offset = -np.asarray(mean, np.float64) / np.asarray(std, np.float64)
    shape = (1, len(mean), 1, 1) if layout == "NCHW" else (1, 1, 1, len(mean))

    stem = f"{name}/preprocess"
    added = []
    pixels = name
    if layout == "NCHW":
        # On bytes, before the cast, this moves a quarter of the memory.
        added.append(helper.make_node("Transpose", [pixels], [f"{stem}/planes"], perm=[0, 3, 1, 2]))
        pixels = f"{stem}/planes"
    if reverse_channels:
        # After the transposition three planes change places, not the bytes of every pixel.
        order = _constant(graph, f"{stem}/order", np.arange(len(mean), dtype=np.int64)[::-1])
        axis = _CHANNEL_AXIS[layout]
        added.append(helper.make_node("Gather", [pixels, order], [f"{stem}/reversed"], axis=axis))
        pixels = f"{stem}/reversed"
    added += [
        helper.make_node("Cast", [pixels], [f"{stem}/float"], to=TensorProto.FLOAT),
        helper.make_node(
            "Mul",
            [
                f"{stem}/float",
                _constant(graph, f"{stem}/factor", factor.astype(np.float32).reshape(shape)),
            ],
            [f"{stem}/scaled"],
        ),
        helper.make_node(
            "Add",
            [
                f"{stem}/scaled",
                _constant(graph, f"{stem}/offset", offset.astype(np.float32).reshape(shape)),
            ],
            [f"{stem}/normalised"],
        ),
    ]
    _read_instead(model, name, f"{stem}/normalised")
    _name_nodes(added, stem)
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend([*added, *rest])
    if layout == "NCHW":
        dims = [dims[0], dims[2], dims[3], dims[1]]
    new = helper.make_tensor_value_info(name, TensorProto.UINT8, [])
    new.type.tensor_type.shape.dim.extend(dims)
    image.CopyFrom(new)


def append_arg_max(
    model: ModelProto,
    name: str,
    *,
    axis: int = -1,
    index: str = "index",
    probability: str = "probability",
    logits: bool = False,
) -> None:
    """Replace an output of class scores by the best class and its probability, in place.

    The output ``[.., classes, ..]`` is replaced by ``index`` INT32 and ``probability`` FP32, both
    ``[.., ..]`` without the classes' axis. If scores are equal, the first wins.

    Args:
        model: changed in place.
        name: the output, FP32.
        axis: that of the classes.
        index: the name of the new output of class numbers.
        probability: the name of the new output of probabilities.
        logits: the scores are logits, so the best one's softmax is given.

    Raises:
        OnnxError: no such output, not FP32, no such axis, or a new name that is taken.
    """
    graph = model.graph
    scores = _find(graph.output, name, "output")
    tensor = scores.type.tensor_type
    rank = len(tensor.shape.dim)
    if tensor.elem_type != TensorProto.FLOAT or not -rank <= axis < rank:
        raise OnnxError(f"output '{name}': expected FP32 scores with an axis {axis}, found others.")
    for new in (index, probability):
        if any(new in (*node.input, *node.output) for node in graph.node):
            raise OnnxError(f"output '{new}': the model has a tensor of that name; choose another.")
    if opset(model) < 10:
        raise OnnxError(f"output '{name}': expected opset 10 or newer, found {opset(model)}.")
    axis %= rank
    stem = f"{name}/arg_max"
    # TopK of one takes index and value in one pass, 2.5 times as fast as ArgMax and ReduceMax.
    one = _constant(graph, f"{stem}/one", np.asarray([1], np.int64))
    best = f"{stem}/best"
    added = [
        helper.make_node("TopK", [name, one], [best, f"{stem}/best_index"], axis=axis),
        over_axis(model, "Squeeze", f"{stem}/best_index", f"{stem}/int64", axis),
        helper.make_node("Cast", [f"{stem}/int64"], [index], to=TensorProto.INT32),
    ]
    if logits:
        added += [
            helper.make_node("Sub", [name, best], [f"{stem}/shifted"]),
            helper.make_node("Exp", [f"{stem}/shifted"], [f"{stem}/exponential"]),
            over_axis(model, "ReduceSum", f"{stem}/exponential", f"{stem}/sum", axis, keepdims=0),
            helper.make_node("Reciprocal", [f"{stem}/sum"], [probability]),
        ]
    else:
        added.append(over_axis(model, "Squeeze", best, probability, axis))
    _name_nodes(added, stem)
    graph.node.extend(added)
    kept = [dim for number, dim in enumerate(tensor.shape.dim) if number != axis]
    outputs = list(graph.output)
    position = [value.name for value in outputs].index(name)
    pair = []
    for new, dtype in ((index, TensorProto.INT32), (probability, TensorProto.FLOAT)):
        value = helper.make_tensor_value_info(new, dtype, [])
        value.type.tensor_type.shape.dim.extend(kept)
        pair.append(value)
    outputs[position : position + 1] = pair
    del graph.output[:]
    graph.output.extend(outputs)


def over_axis(
    model: ModelProto, operator: str, source: str, target: str, axis: int, **attributes: int
) -> NodeProto:
    """A node over one axis, to be added: an attribute before opset 13, an input since.

    Args:
        model: gets the axis as a constant where it is an input.
        operator: Squeeze, Unsqueeze or ReduceSum.
        source: the node's input.
        target: its output.
        axis: the axis.
        attributes: further ones.
    """
    if opset(model) < 13:
        return make_node(operator, [source], [target], axes=[axis], **attributes)
    axes = _constant(model.graph, f"{target}/axes", np.asarray([axis], np.int64))
    return make_node(operator, [source, axes], [target], **attributes)


Attribute = int | float | str | Sequence[int] | TensorProto | GraphProto
"""What a node's attribute may be here."""


def make_node(
    operator: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    name: str = "",
    /,
    **attributes: Attribute,
) -> NodeProto:
    """onnx's ``make_node``, its attributes with types."""
    made = helper.make_node(operator, inputs, outputs, name)
    made.attribute.extend(helper.make_attribute(*each) for each in sorted(attributes.items()))
    return made


def _find(values: Sequence[ValueInfoProto], name: str, kind: str) -> ValueInfoProto:
    for value in values:
        if value.name == name:
            return value
    there = ", ".join(value.name for value in values)
    raise OnnxError(f"expected an {kind} '{name}', found {there}. Name one of these.")


def _constant(graph: GraphProto, name: str, value: npt.NDArray[np.generic]) -> str:
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
    return name


def _name_nodes(added: Sequence[NodeProto], stem: str) -> None:
    for number, node in enumerate(added):
        node.name = f"{stem}/{number}_{node.op_type}"


def _read_instead(model: ModelProto, old: str, new: str) -> None:
    """Let every reader of a tensor, in nested graphs and among the outputs too, read another."""
    for graph in graphs(model):
        for node in graph.node:
            node.input[:] = [new if name == old else name for name in node.input]
    if any(value.name == old for value in model.graph.output):
        raise OnnxError(
            f"input '{old}': expected an input that is not itself an output, found one that is. "
            "Rename the output first."
        )
