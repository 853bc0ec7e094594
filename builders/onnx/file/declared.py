"""Shapes that a file declares of its outputs, held against what its graph computes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from onnx import ModelProto, TensorShapeProto, checker, shape_inference

from builders.onnx.file.reading import OnnxFile
from repository.onnxruntime_rules.facts import Violation


def untrue_shapes(file: OnnxFile) -> Iterator[Violation]:
    """Outputs whose declared shape is not the one that the graph computes.

    ONNX Runtime runs such a file, and forgets the declared shape. The server then refuses a config
    that has it.

    Args:
        file: what is to be served.
    """
    model = ModelProto()
    model.CopyFrom(file.model)
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    try:
        graph = shape_inference.infer_shapes(model).graph
    except (checker.ValidationError, shape_inference.InferenceError, RuntimeError, ValueError):
        return  # whoever loads it says why
    computed = {
        value.name: _sizes(value.type.tensor_type.shape)
        for value in graph.output
        if value.type.tensor_type.HasField("shape")
    }
    for tensor in file.outputs:
        found = computed.get(tensor.name)
        if found is None or not tensor.is_tensor or not file.has_shape(tensor):
            continue
        if len(found) != len(tensor.axes) or any(
            isinstance(have, int) and isinstance(want, int) and have != want
            for have, want in zip(found, tensor.axes, strict=True)
        ):
            yield Violation(
                "shape",
                tensor.name,
                f"the shape that the graph computes, {_text(found)}",
                f"{_text(tensor.axes)} declared",
                "Correct the output's shape in the file, or remove it and run "
                "onnx.shape_inference.infer_shapes.",
            )


def _sizes(shape: TensorShapeProto) -> list[int | str | None]:
    return [
        int(axis.dim_value) if axis.HasField("dim_value") else axis.dim_param or None
        for axis in shape.dim
    ]


def _text(axes: Sequence[int | str | None]) -> str:
    return f"[{', '.join('?' if each is None else str(each) for each in axes)}]"
