"""Reading and writing ONNX files: whole or refused, and the same bytes for the same model.

A model under :data:`INLINE_LIMIT` is one file. A larger one, or one that is asked for so, is the
directory that Triton's onnxruntime backend takes for external data: ``<path>/model.onnx`` with
``<path>/model.onnx.data`` beside it (model_repository.md of Triton's server documentation).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto

from repository.onnx import content as onnx_content
from repository.onnx.content import OnnxError
from repository.onnx.walk import tensors

INLINE_LIMIT = 2**31 - 2**20
"""Bytes of weights above which a model cannot be one file: protobuf ends at 2 GiB, and the graph
itself needs room."""

MODEL_FILE = "model.onnx"
DATA_FILE = "model.onnx.data"
NEWEST_IR = 10
"""The newest ``ir_version`` written: the one of opset 20, which every supported Triton reads."""

_EXTERNAL_THRESHOLD = 1024
"""Bytes below which a tensor stays in the graph file: shapes and axes must be readable there."""

_ALIGNMENT = 4096
"""Offsets in the sidecar are multiples of this, so that onnxruntime can map it into memory."""


def load(path: Path, *, standard: bool = True) -> ModelProto:
    """Read a model with all its weights.

    Args:
        path: an ONNX file, or a folder that holds ``model.onnx`` or one other ONNX file.
        standard: ONNX's own domain has no operators that onnxruntime alone knows. The checker
            refuses those, so a model that has some is not checked.

    Raises:
        OnnxError: missing, not ONNX, truncated, or invalid; or external data that is missing, too
            short, or outside the model's folder.
    """
    file = model_file(path) if path.is_dir() else path
    if not file.is_file():
        raise OnnxError(f"{file}: expected an ONNX file, found none. Check the path.")
    model = ModelProto()
    try:
        model.ParseFromString(file.read_bytes())
    except DecodeError as error:
        raise OnnxError(
            f"{file}: expected an ONNX file, found {file.stat().st_size} bytes that are not one, "
            "or a truncated one. Fetch it again."
        ) from error
    onnx_content.check_text(file, model)
    places = [
        (tensor, onnx_content.external_place(file, tensor))
        for tensor in tensors(model)
        if tensor.data_location == TensorProto.EXTERNAL
    ]
    if standard:
        _check(file, f"{file}: expected a valid ONNX model, found: ", "Export or fetch it again.")
    for tensor, place in places:
        tensor.raw_data = place.read()
        tensor.ClearField("data_location")
        del tensor.external_data[:]
    for tensor in tensors(model):
        onnx_content.check_size(file, tensor)
    return model


def save(
    model: ModelProto, path: Path, *, external: bool | None = None, standard: bool = True
) -> None:
    """Write a model; equal models give equal bytes. ``ir_version`` is lowered to 10.

    Args:
        model: is left as it was, but for its ``ir_version``.
        path: the file to write, or with external data the directory; what is there is replaced,
            except a directory that holds anything else.
        external: keep the weights in a sidecar; None does so only above :data:`INLINE_LIMIT`.
        standard: as in :func:`load`.

    Raises:
        OnnxError: the model is invalid, or uses what ``ir_version`` 10 cannot express.
    """
    lower_ir_version(model)
    if external is None:
        external = sum(len(tensor.raw_data) for tensor in tensors(model)) > INLINE_LIMIT
    if external:
        _remove(path)
        path.mkdir(parents=True)
        with _weights_moved_out(model, path / DATA_FILE):
            (path / MODEL_FILE).write_bytes(model.SerializeToString(deterministic=True))
        written = path / MODEL_FILE
    else:
        _remove(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(model.SerializeToString(deterministic=True))
        written = path
    if standard:
        _check(written, f"{path}: the model to be written is not valid ONNX: ", "")


def _check(file: Path, before: str, after: str) -> None:
    try:
        onnx.checker.check_model(str(file))
    except Exception as error:  # its own class, and what its C++ parts throw
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise OnnxError(f"{before}{reason}. {after}".rstrip()) from error


def lower_ir_version(model: ModelProto) -> None:
    """Set ``ir_version`` to at most :data:`NEWEST_IR`, which changes nothing that it can express.

    Raises:
        OnnxError: the model uses data types or device placement that came later.
    """
    if model.ir_version <= NEWEST_IR:
        return
    newer = {
        TensorProto.DataType.Name(tensor.data_type)
        for tensor in tensors(model)
        if tensor.data_type > TensorProto.INT4
    }
    if model.configuration:
        newer.add("device configurations")
    if newer:
        raise OnnxError(
            f"expected a model that ir_version {NEWEST_IR} can express, found ir_version "
            f"{model.ir_version} with {', '.join(sorted(newer))}. Export it without them."
        )
    model.ir_version = NEWEST_IR


def model_file(folder: Path) -> Path:
    """The ONNX file of a folder: the only one, or ``model.onnx`` among several.

    Raises:
        OnnxError: there are several, and none of that name.
    """
    there = sorted(folder.glob("*.onnx"))
    if len(there) == 1:
        return there[0]
    if len(there) > 1 and folder / MODEL_FILE not in there:
        names = ", ".join(file.name for file in there)
        raise OnnxError(f"{folder}: expected one ONNX file, found {names}. Name one of them.")
    return folder / MODEL_FILE


@contextlib.contextmanager
def _weights_moved_out(model: ModelProto, data: Path) -> Iterator[None]:
    """Write the large weights to a sidecar, and put them back into the model at the end.

    The model is changed in place, since a copy of it may not fit into memory.
    """
    moved: list[tuple[TensorProto, bytes]] = []
    try:
        with data.open("wb") as stream:
            for tensor in tensors(model):
                if len(tensor.raw_data) < _EXTERNAL_THRESHOLD:
                    continue
                offset = -(-stream.tell() // _ALIGNMENT) * _ALIGNMENT
                stream.write(bytes(offset - stream.tell()))
                stream.write(tensor.raw_data)
                moved.append((tensor, tensor.raw_data))
                place = {"location": data.name, "offset": offset, "length": len(tensor.raw_data)}
                for key, value in place.items():
                    tensor.external_data.add(key=key, value=str(value))
                tensor.data_location = TensorProto.EXTERNAL
                tensor.ClearField("raw_data")
        yield
    finally:
        for tensor, content in moved:
            tensor.raw_data = content
            tensor.ClearField("data_location")
            del tensor.external_data[:]


def _remove(path: Path) -> None:
    """Take away what an earlier :func:`save` left at this path."""
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return
    for name in (MODEL_FILE, DATA_FILE):
        (path / name).unlink(missing_ok=True)
    try:
        path.rmdir()
    except OSError as error:
        raise OnnxError(
            f"{path}: expected a place for a model, found a directory with other files. "
            "Name another path."
        ) from error
