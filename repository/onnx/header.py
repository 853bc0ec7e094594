"""What an ONNX file says of itself, read without its weights.

The file is mapped, not read: walking its protobuf fields skips the tensors' data, so that a graph
of gigabytes costs what its nodes cost. Initializers up to :data:`SMALL` bytes are kept, for shape
inference needs them.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from repository.errors import RepositoryError
from repository.files.reading import POINTER, is_pointer
from repository.onnxruntime_rules.facts import ELEMENT_TYPES, OnnxGraph, OnnxTensor

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto

SMALL = 1024
"""Bytes of tensor data that are kept: a shape or a slice's bounds take a few dozen."""

_BYTES = 2  # the wire type of a length-delimited field
_GRAPH = 7  # ModelProto.graph
_INITIALIZER = 5  # GraphProto.initializer
_TENSOR_DATA = {4, 5, 6, 7, 9, 10, 11}  # TensorProto's float_data … raw_data … uint64_data


class OnnxUnreadable(RepositoryError):
    """A file that is no ONNX model; the text says why."""


@dataclass(frozen=True)
class OnnxHeader:
    """What an ONNX file says about itself.

    Attributes:
        graph: its inputs and outputs, completed by shape inference as ONNX Runtime does it.
        opset: of the default domain; 0 if it imports none.
        ir_version: of the file format.
        external: its tensors whose data lies in other files, those of nested graphs too.
        model: the ``ModelProto`` without the data of its larger initializers.
    """

    graph: OnnxGraph
    opset: int
    ir_version: int
    external: tuple[TensorProto, ...]
    model: ModelProto


def read_model(path: Path) -> ModelProto:
    """Reads an ONNX file without the data of its larger initializers.

    Raises:
        OnnxUnreadable: it is no ONNX model.
        OSError: it cannot be read.
    """
    from google.protobuf.message import DecodeError
    from onnx import ModelProto

    if not path.is_file():
        path.stat()
        raise OnnxUnreadable("a folder, a pipe or a device")
    if is_pointer(path):
        raise OnnxUnreadable(POINTER)
    with path.open("rb") as file:
        try:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:
            raise OnnxUnreadable("the file is empty") from None
    try:
        stripped = _without_weights(memoryview(content))
    except IndexError:
        raise OnnxUnreadable("the file is cut off, or no protobuf") from None
    try:
        model = ModelProto.FromString(stripped)
    except DecodeError:
        raise OnnxUnreadable("the file is no ModelProto") from None
    if not model.graph.output:
        raise OnnxUnreadable("the file holds no graph with an output")
    return model


def read_header(path: Path) -> OnnxHeader:
    """Reads what an ONNX file says of itself.

    Raises:
        OnnxUnreadable: it is no ONNX model.
        OSError: it cannot be read.
    """
    from onnx import TensorProto, checker, shape_inference

    from repository.onnx.walk import tensors

    model = read_model(path)
    external = tuple(
        tensor for tensor in tensors(model) if tensor.data_location == TensorProto.EXTERNAL
    )
    try:
        graph = shape_inference.infer_shapes(model).graph
    except (checker.ValidationError, shape_inference.InferenceError, RuntimeError, ValueError):
        graph = model.graph
    initialized = {tensor.name for tensor in model.graph.initializer}
    inputs = [(value.name, _tensor(value)) for value in graph.input]
    opset = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    return OnnxHeader(
        OnnxGraph(
            inputs=tuple(tensor for name, tensor in inputs if name not in initialized),
            outputs=tuple(_tensor(value) for value in graph.output),
            initializers=tuple(
                tensor for name, tensor in inputs if name in initialized and model.ir_version >= 4
            ),
        ),
        opset=max(opset, default=0),
        ir_version=model.ir_version,
        external=external,
        model=model,
    )


def _tensor(value: object) -> OnnxTensor:
    """A ``ValueInfoProto`` as the rules know it."""
    kind = value.type.WhichOneof("value")  # type: ignore[attr-defined]
    name = _text(value.name)  # type: ignore[attr-defined]
    if kind != "tensor_type":
        return OnnxTensor.of(name, f"{(kind or 'undefined').removesuffix('_type')}(…)", ())
    tensor = value.type.tensor_type  # type: ignore[attr-defined]
    element = ELEMENT_TYPES.get(tensor.elem_type, "undefined")
    axes = [
        dim.dim_value if dim.HasField("dim_value") else _text(dim.dim_param) or None
        for dim in tensor.shape.dim
    ]
    return OnnxTensor.of(name, f"tensor({element})", axes)


def _text(name: str | bytes) -> str:
    """A name; bytes that are no UTF-8 are handed out as bytes."""
    return name.decode(errors="backslashreplace") if isinstance(name, bytes) else name


def _without_weights(model: memoryview) -> bytes:
    """A ``ModelProto`` without the data of its larger initializers.

    Raises:
        IndexError: a field reaches beyond its message.
    """
    parts: list[bytes] = []
    for number, start, body, end in _fields(model):
        if number != _GRAPH:
            parts.append(bytes(model[start:end]))
            continue
        graph = model[body:end]
        kept: list[bytes] = []
        for inner, inner_start, inner_body, inner_end in _fields(graph):
            if inner == _INITIALIZER and inner_end - inner_body > SMALL:
                tensor = graph[inner_body:inner_end]
                rest = b"".join(
                    bytes(tensor[first:last])
                    for field, first, _, last in _fields(tensor)
                    if field not in _TENSOR_DATA
                )
                kept.append(_message(_INITIALIZER, rest))
            else:
                kept.append(bytes(graph[inner_start:inner_end]))
        parts.append(_message(_GRAPH, b"".join(kept)))
    return b"".join(parts)


def _fields(message: memoryview) -> Iterator[tuple[int, int, int, int]]:
    """Each field of an encoded message: its number, and where it, its value and its end lie."""
    position = 0
    while position < len(message):
        start = position
        tag, position = _varint(message, position)
        if tag < 8:  # no field has the number 0: a hole in the file, perhaps of terabytes
            raise IndexError(position)
        body = position
        match tag & 7:
            case 0:
                _, position = _varint(message, position)
            case 1:
                position += 8
            case 2:
                size, body = _varint(message, position)
                position = body + size
            case 5:
                position += 4
            case _:
                raise IndexError(position)
        if position > len(message):
            raise IndexError(position)
        yield tag >> 3, start, body, position


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise IndexError(position)


def _message(number: int, body: bytes) -> bytes:
    """A length-delimited field."""
    return _encoded(number << 3 | _BYTES) + _encoded(len(body)) + body


def _encoded(value: int) -> bytes:
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)
