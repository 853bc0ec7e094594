"""Rescaling and normalising of pixels as an ONNX file, equal bit by bit to the stage's own.

The operations, their order and their types are those of
:mod:`builders.vision.stages.processors.planes`: rescaled in 64 bits, rounded to 32, normalised in
32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from builders.kit import onnx
from builders.kit.export import Export, Parity
from builders.kit.graph import Arithmetic
from builders.kit.onnx.surgery import make_node
from builders.kit.onnx.torch import DEFAULT_OPSET
from builders.vision.checkpoint.processor.read import read_processor
from builders.vision.stages.processors.planes import table
from repository.arrays import Array, Arrays, DType

TAKES, GIVES = "values", "normalised"
BATCHES = (2, 1, 5)


def arithmetic(sizes: Sequence[tuple[int, int]]) -> Arithmetic:
    """What the stage ``preprocess`` ends in.

    Args:
        sizes: as for :func:`normaliser`.
    """
    return Arithmetic(
        output="pixel_values",
        dtype=DType.UINT8,
        parameter="as_bytes",
        export=normaliser(sizes),
        takes=TAKES,
        gives=GIVES,
    )


def normaliser(sizes: Sequence[tuple[int, int]]) -> Export:
    """The export of a checkpoint whose tower takes one image, or several of a size.

    Args:
        sizes: heights and widths to compare at; one alone is the only one that there is.
    """
    fixed = sizes[0] if len(sizes) == 1 else None
    return Export(
        name="normalise",
        source="vision",
        make=partial(make_normaliser, fixed),
        options={"opset": DEFAULT_OPSET},
        parity=Parity(
            reference=looked_up,
            inputs=partial(bytes_of_all_values, tuple(sizes)),
            absolute=0.0,
            relative=0.0,
        ),
        form=read_processor,
    )


def make_normaliser(
    size: tuple[int, int] | None, checkpoint: Path, out: Path
) -> Mapping[str, object]:
    """Write it: ``values`` UINT8 [batch, 3, height, width] -> ``normalised`` FP32, likewise.

    Returns:
        Facts for the manifest.

    Raises:
        SourceError: there is no processor that is served.
    """
    settings = read_processor(checkpoint).settings
    constants: dict[str, Array] = {}
    nodes: list[NodeProto] = []

    def then(operator: str, constant: Array | None = None, **attributes: int) -> None:
        inputs = [f"step_{len(nodes)}" if nodes else TAKES]
        if constant is not None:
            inputs.append(f"constant_{len(nodes)}")
            constants[inputs[1]] = constant
        nodes.append(make_node(operator, inputs, [f"step_{len(nodes) + 1}"], **attributes))

    if settings["do_rescale"]:
        then("Cast", to=TensorProto.DOUBLE)
        then("Mul", np.asarray(settings["rescale_factor"], np.float64))
    then("Cast", to=TensorProto.FLOAT)
    if settings["do_normalize"]:
        for operator, key in (("Sub", "image_mean"), ("Div", "image_std")):
            then(operator, np.asarray(settings[key], np.float32).reshape(1, 3, 1, 1))
    nodes[-1].output[0] = GIVES
    shape = ["batch", 3, *(size or ("height", "width"))]
    graph = helper.make_graph(
        nodes,
        "normalise",
        [helper.make_tensor_value_info(TAKES, TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info(GIVES, TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", DEFAULT_OPSET)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=onnx.NEWEST_IR), out)
    return {"operations": [node.op_type for node in nodes]}


def bytes_of_all_values(sizes: Sequence[tuple[int, int]]) -> Sequence[Arrays]:
    """Every value of every channel, in three batches."""
    found = []
    for number, batch in enumerate(BATCHES):
        shape = (batch, 3, *sizes[number % len(sizes)])
        found.append({TAKES: np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)})
    return found


def looked_up(checkpoint: Path, inputs: Arrays) -> Arrays:
    """What the stage makes of them."""
    values = table(read_processor(checkpoint).settings)
    pixels = inputs[TAKES]
    return {GIVES: values[np.arange(3)[None, :, None, None], pixels]}
