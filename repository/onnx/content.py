"""Mistakes in a file's content: text that is not UTF-8, misplaced data, too little data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import onnx
from google.protobuf.message import Message
from onnx import TensorProto

from repository.errors import RepositoryError

_PACKED_BITS: dict[int, int] = {
    TensorProto.UINT4: 4,
    TensorProto.INT4: 4,
    TensorProto.FLOAT4E2M1: 4,
    TensorProto.UINT2: 2,
    TensorProto.INT2: 2,
}
"""Data types that have several elements in a byte -> the bits of one element."""


class OnnxError(RepositoryError):
    """An ONNX model that cannot be read, changed or written as asked."""


@dataclass(frozen=True)
class Place:
    """Where a tensor's external data lies: bytes of a file in the model's folder."""

    file: Path
    offset: int
    length: int

    def read(self) -> bytes:
        """The data."""
        with self.file.open("rb") as stream:
            stream.seek(self.offset)
            return stream.read(self.length)


def check_text(file: Path, message: Message) -> None:
    """Refuse names that are not UTF-8: protobuf parses them, and then fails wherever one is used.

    Raises:
        OnnxError: there is one.
    """
    try:
        _read_text(message)
    except UnicodeDecodeError as error:
        raise OnnxError(
            f"{file}: expected names in UTF-8, found bytes that are not. Fetch it again."
        ) from error


def _read_text(message: Message) -> None:
    if isinstance(message, TensorProto):  # its other fields are numbers, and may be huge
        texts = [message.name, message.doc_string]
        texts += [text for entry in message.external_data for text in (entry.key, entry.value)]
        _demand_text(texts)
        return
    for field, value in message.ListFields():
        if field.type == field.TYPE_STRING:
            _demand_text([value] if isinstance(value, str | bytes) else value)
        elif field.type == field.TYPE_MESSAGE:
            for part in [value] if isinstance(value, Message) else value:
                _read_text(part)


def _demand_text(values: Sequence[str | bytes]) -> None:
    for value in values:
        if isinstance(value, bytes):  # what protobuf gives for text that it could not decode
            value.decode()


def external_place(file: Path, tensor: TensorProto) -> Place:
    """Where a tensor's external data is.

    Raises:
        OnnxError: outside the model's folder, missing, or beyond the end of its file.
    """
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    where = f"{file}, tensor '{tensor.name}'"
    folder = file.parent.resolve()
    safe = (
        location and not {"\\", "\0"} & set(location) and not PurePosixPath(location).is_absolute()
    )
    data = (folder / location).resolve() if safe else folder.parent
    if not data.is_relative_to(folder):
        raise OnnxError(
            f"{where}: expected external data inside the model's folder, found '{location}', which "
            "leaves it. Do not use a model from this source."
        )
    if not data.is_file():
        raise OnnxError(
            f"{where}: expected external data in '{location}', found no such file. "
            "Put the sidecar beside the model."
        )
    there = data.stat().st_size
    try:
        offset = int(entries.get("offset", 0))
        length = int(entries.get("length", there - offset))
    except ValueError as error:
        raise OnnxError(
            f"{where}: expected offset and length as numbers, found {entries}. Fetch it again."
        ) from error
    if offset < 0 or length < 0 or offset + length > there:
        raise OnnxError(
            f"{where}: expected {length} bytes at offset {offset} of '{location}', found a file of "
            f"{there} bytes. The sidecar is truncated: fetch it again."
        )
    return Place(data, offset, length)


def check_size(file: Path, tensor: TensorProto) -> None:
    """Refuse a tensor whose raw data is not as long as its shape and type say.

    Raises:
        OnnxError: it is shorter or longer, or of an unknown type.
    """
    if not tensor.HasField("raw_data"):
        return
    where = f"{file}, tensor '{tensor.name}'"
    try:
        expected = raw_bytes(tensor)
    except KeyError as error:
        raise OnnxError(f"{where}: found the unknown data type {tensor.data_type}.") from error
    if len(tensor.raw_data) != expected:
        raise OnnxError(
            f"{where}: expected {expected} bytes for the shape {list(tensor.dims)}, found "
            f"{len(tensor.raw_data)}. Fetch it again."
        )


def raw_bytes(tensor: TensorProto) -> int:
    """How many bytes a tensor's raw data has, by its shape and type.

    Raises:
        KeyError: it is of an unknown type.
    """
    bits = _PACKED_BITS.get(tensor.data_type)
    if bits is None:
        bits = 8 * int(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize)
    return int(-(-math.prod(tensor.dims) * bits // 8))
