"""Silero VAD's short convolutions as matrix products over all frames at once.

Its graph convolves every frame by itself, over four positions at most. Each is a product of a few
columns, which uses a processor badly. With the frames as rows, every position is one product of all
frames with the taps that meet it; taps that would meet padding are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, numpy_helper

from builders.kit.onnx import OnnxError
from builders.kit.onnx.surgery import Attribute, make_node

Weights = npt.NDArray[np.float32]

FRAME, WINDOW, HOP, REFLECTED = 576, 256, 128, 64
"""Samples: of a frame with its context, of a transform, from one to the next, and of the frame's
end that is reflected behind it."""

BASIS = "stft.forward_basis_buffer"
"""FP32 [2 * 129, 1, 256]: the windowed cosines, then the sines."""

STRIDES = (1, 2, 2, 1)
"""Of the encoder's convolutions; each has three taps and a zero on both sides."""

ENCODED = "/Transpose_output_0"
"""What the recurrent part reads: FP32 [frames, 1, 128]."""


def as_products(model: ModelProto, framed: str) -> None:
    """Replaces what lies between the frames and the recurrent part, in place.

    Args:
        model: Silero's sequence graph.
        framed: the frames, FP32 [frames, 576].

    Raises:
        OnnxError: the graph has no such weights, or no such tensor.
    """
    weights = {each.name: each for each in model.graph.initializer}
    layers = [f"encoder.{number}.{kind}" for number in range(4) for kind in ("weight", "bias")]
    made = {name for node in model.graph.node for name in node.output}
    if lost := sorted({BASIS, *layers} - weights.keys()) + sorted({ENCODED} - made):
        raise OnnxError(
            f"expected Silero VAD's graph, found none of its tensors {', '.join(lost)}. "
            "Use silero_vad_16k_sequence.onnx of the package silero-vad."
        )
    nodes = _Nodes()
    here = _magnitudes(nodes, framed, numpy_helper.to_array(weights[BASIS])[:, 0])
    for number, stride in enumerate(STRIDES):
        taps, bias = (
            numpy_helper.to_array(weights[f"encoder.{number}.{kind}"])
            for kind in ("weight", "bias")
        )
        here = _convolved(nodes, here, taps, bias, stride)
    (last,) = here
    nodes.add("Unsqueeze", [last, nodes.constant(np.array([1], np.int64))], ENCODED)
    kept = [node for node in _needed(model, ENCODED) if ENCODED not in node.output]
    first = next(i for i, node in enumerate(kept) if ENCODED in node.input)
    del model.graph.node[:]
    model.graph.node.extend([*kept[:first], *nodes.made, *kept[first:]])
    for name in (BASIS, *layers):
        model.graph.initializer.remove(weights[name])
    model.graph.initializer.extend(nodes.constants.values())


class _Nodes:
    """Nodes and constants under names of their own."""

    def __init__(self) -> None:
        self.made: list[NodeProto] = []
        self.constants: dict[tuple[tuple[int, ...], bytes], TensorProto] = {}

    def add(self, kind: str, inputs: Sequence[str], output: str = "", **options: Attribute) -> str:
        output = output or f"product_{len(self.made)}"
        self.made.append(make_node(kind, inputs, [output], **options))
        return output

    def constant(self, value: npt.NDArray[np.generic]) -> str:
        name = f"product_constant_{len(self.constants)}"
        made = numpy_helper.from_array(np.ascontiguousarray(value), name)
        key = (tuple(made.dims), made.raw_data)
        self.constants.setdefault(key, made)
        return str(self.constants[key].name)

    def columns(self, tensor: str, start: int, end: int) -> str:
        ends = [self.constant(np.array([each], np.int64)) for each in (start, end, 1)]
        return self.add("Slice", [tensor, *ends])


def _magnitudes(nodes: _Nodes, framed: str, basis: Weights) -> list[str]:
    """The spectrum's magnitudes at each position: FP32 [frames, 129] each."""
    found = []
    for start in range(0, FRAME + REFLECTED - WINDOW + 1, HOP):
        kernel = basis.T
        end = min(start + WINDOW, FRAME)
        if beyond := start + WINDOW - end:
            # What lies behind the frame is its end, backwards and without the last sample.
            kernel = kernel[:-beyond].copy()
            mirrored = np.arange(end - 2, end - 2 - beyond, -1) - start
            kernel[mirrored] += basis.T[-beyond:]
        bins = kernel.shape[1] // 2
        window = nodes.columns(framed, start, end)
        squares = []
        for part in (kernel[:, :bins], kernel[:, bins:]):
            seen = nodes.add("MatMul", [window, nodes.constant(part)])
            squares.append(nodes.add("Mul", [seen, seen]))
        found.append(nodes.add("Sqrt", [nodes.add("Add", squares)]))
    return found


def _convolved(
    nodes: _Nodes, here: Sequence[str], taps: Weights, bias: Weights, stride: int
) -> list[str]:
    """One convolution of three taps and its ReLU: a tensor for each position, before and after."""
    offset = nodes.constant(bias)
    channels = taps.shape[1]
    side = here[0] if len(here) == 1 else nodes.add("Concat", here, axis=1)
    found = []
    for centre in range(0, len(here), stride):
        first, last = max(centre - 1, 0), min(centre + 1, len(here) - 1)
        met = taps[:, :, first - centre + 1 : last - centre + 2]
        kernel = met.transpose(2, 1, 0).reshape(-1, len(taps))
        whole = last - first + 1 == len(here)
        seen = side if whole else nodes.columns(side, first * channels, (last + 1) * channels)
        product = nodes.add("Gemm", [seen, nodes.constant(kernel), offset])
        found.append(nodes.add("Relu", [product]))
    return found


def _needed(model: ModelProto, replaced: str) -> list[NodeProto]:
    """The nodes that the outputs need when one tensor comes from elsewhere."""
    makers: Mapping[str, NodeProto] = {
        name: node for node in model.graph.node for name in node.output
    }
    wanted = [value.name for value in model.graph.output]
    seen: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in seen or name not in makers:
            continue
        seen.update(makers[name].output)
        if name != replaced:
            wanted += makers[name].input
    return [node for node in model.graph.node if seen & set(node.output)]
