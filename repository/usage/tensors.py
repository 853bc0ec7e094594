"""From what a usage declares to tensors that a pipeline takes."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from repository.arrays import Array, DType
from repository.config.proto import pb
from repository.usage import Input

MAXIMUM_BYTES = 1 << 30
"""A gRPC message cannot be larger than 2 GiB; an input of half of that is a mistake."""


@dataclass(frozen=True)
class ServedTensor:
    """An input or output of a model, as a server serves it.

    Attributes:
        name: its name.
        dtype: its data type.
        shape: its sizes, the batch's axis included; -1 for a size that a request chooses.
        optional: whether a request may leave it out.
        batches: whether the first axis is the batch's; a declared value may stand without it.
    """

    name: str
    dtype: DType
    shape: tuple[int, ...]
    optional: bool = False
    batches: bool = False

    def __str__(self) -> str:
        return f"{self.dtype} {list(self.shape)}"


def taken_by(config: pb.ModelConfig) -> dict[str, ServedTensor]:
    """The inputs of a pipeline by name, as its config says."""
    batches = config.max_batch_size > 0
    return {
        each.name: ServedTensor(
            each.name,
            DType.from_config(pb.DataType.Name(each.data_type)),
            (*([-1] if batches else []), *map(int, each.dims)),
            each.optional,
            batches,
        )
        for each in config.input
    }


def taken_by_metadata(metadata: Mapping[str, Any]) -> dict[str, ServedTensor]:
    """The same of the KServe v2 protocol's metadata.

    It does not say what is optional: a server refuses a request without the rest. Nor does it say
    whether the first of several axes is the batch's: one of any size may be.
    """
    return {
        str(each["name"]): ServedTensor(
            str(each["name"]),
            DType(each["datatype"]),
            tuple(map(int, each["shape"])),
            optional=True,
            batches=len(each["shape"]) > 1 and int(each["shape"][0]) == -1,
        )
        for each in metadata.get("inputs", ())
    }


def array_of(given: Input, tensor: ServedTensor) -> Array:
    """An input as its tensor.

    Raises:
        ValueError: it is of another type or shape; a sentence.
        OSError: its file cannot be read.
    """
    if callable(given):
        array = _made(given)
        if array.dtype.kind not in "OSU" and array.dtype != tensor.dtype.numpy:
            raise ValueError(f"expected {tensor.dtype}, found an array of {array.dtype}.")
        if (array.dtype.kind in "OSU") != (tensor.dtype is DType.BYTES):
            raise ValueError(f"expected {tensor.dtype}, found an array of {array.dtype}.")
        array = _typed(array, tensor.dtype) if tensor.dtype is DType.BYTES else array
    elif isinstance(given, Path):
        array = _from_file(given, tensor)
    else:
        array = _typed(_nested(given), tensor.dtype)
        if array.ndim == 0:
            array = array.reshape([1] * (len(tensor.shape) - tensor.batches))
    if tensor.batches and array.ndim == len(tensor.shape) - 1:
        array = array[np.newaxis]
    return _fitting(array, list(tensor.shape))


def _made(given: Callable[[], Array]) -> Array:
    try:
        return np.asarray(given())
    except Exception as error:
        # Whatever a family's function raises, its author mends it.
        raise ValueError(f"its function raised {type(error).__name__}: {error}.") from error


def _from_file(path: Path, tensor: ServedTensor) -> Array:
    if path.stat().st_size > MAXIMUM_BYTES:
        raise ValueError(f"it has more than {MAXIMUM_BYTES:,} bytes; no request takes so much.")
    content = path.read_bytes()
    if path.suffix == ".npy":
        return _from_npy(content, tensor.dtype)
    dims = list(tensor.shape)[tensor.batches :]
    if tensor.dtype is DType.UINT8 and len(dims) == 1:
        return np.frombuffer(content, np.uint8)
    if tensor.dtype is DType.BYTES:
        return np.array([content], np.object_)
    raise ValueError(
        f"it is {tensor.dtype} {dims}, which only a .npy file or a value can give; "
        "a UINT8 input of one axis or a BYTES input takes a file's bytes."
    )


def _from_npy(content: bytes, dtype: DType) -> Array:
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except Exception:  # what numpy raises of a damaged file has no common base but this
        raise ValueError("it is no .npy file of numbers; write one with numpy.save.") from None
    if not isinstance(array, np.ndarray):
        raise ValueError("it is no .npy file of one array; write one with numpy.save.")
    if dtype is DType.BYTES and array.dtype.kind in "SU":
        return _typed(array.astype(np.object_), dtype)
    if dtype is DType.BYTES or array.dtype != dtype.numpy:
        raise ValueError(
            f"expected {dtype}, found an array of {array.dtype}; save it with that type."
        )
    return array


def _nested(given: object) -> Array:
    """Nested sequences as an array of objects; those of unequal lengths keep lists as elements."""
    return np.asarray(_listed(given), np.object_)


def _listed(given: object) -> object:
    if isinstance(given, Sequence) and not isinstance(given, str | bytes):
        return [_listed(each) for each in given]
    return given


def _typed(values: Array, dtype: DType) -> Array:
    """Numbers and texts that were read without their type, as an input's type."""
    flat = [_element(value, dtype) for value in values.reshape(-1)]
    if dtype is DType.BYTES:
        array = np.empty(len(flat), np.object_)
        array[:] = flat
        return array.reshape(values.shape)
    try:
        return np.array(flat, dtype.numpy).reshape(values.shape)
    except OverflowError:
        raise ValueError(f"expected {dtype} numbers, found one that is too large for it.") from None


def _element(value: object, dtype: DType) -> Any:
    if isinstance(value, list | dict) or value is None:
        raise ValueError(f"expected {dtype} in lists of equal length, found {value!r:.40}.")
    if dtype is DType.BYTES:
        return value if isinstance(value, bytes) else str(value).encode()
    if (dtype is DType.BOOL) != isinstance(value, bool | np.bool_):
        expected = "true or false" if dtype is DType.BOOL else f"{dtype} numbers"
        raise ValueError(f"expected {expected}, found {value!r:.40}.")
    if dtype is DType.BOOL:
        return value
    try:
        return float(str(value)) if dtype.numpy.kind == "f" else int(str(value))
    except ValueError:
        raise ValueError(f"expected {dtype} numbers, found {value!r:.40}.") from None


def _fitting(array: Array, shape: list[int]) -> Array:
    fits = array.ndim == len(shape) and all(
        expected in (-1, found) for expected, found in zip(shape, array.shape, strict=True)
    )
    if not fits:
        raise ValueError(
            f"expected the shape {shape}, where -1 is any size, found {list(array.shape)}; "
            "give a file or a value of that shape."
        )
    return np.ascontiguousarray(array)
