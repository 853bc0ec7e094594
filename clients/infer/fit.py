"""A value as the tensor that a model takes."""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any

import numpy as np

from clients.connection.bfloat16 import of_bfloat16
from clients.errors import ClientError
from clients.infer.texts import of_texts
from clients.infer.value import Json
from repository.arrays import Array, DType
from repository.files.json_file import kind_of_value
from repository.findings import shortened
from repository.usage.tensors import ServedTensor

SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""Numbers that JSON has no form for, and the texts that stand for them."""

BASE64 = "b64"
"""The key of an object that stands for bytes that are no UTF-8."""


class Misfit(ClientError):
    """A value that a tensor cannot take, told in its parts."""

    def __init__(self, expected: str, found: str, remedy: str) -> None:
        super().__init__(f"expected {expected}, found {found}. {remedy}")
        self.expected, self.found, self.remedy = expected, found, remedy


def fitted(tensor: ServedTensor, given: object, shape: tuple[int, ...]) -> Array:
    """The array that is sent.

    Args:
        tensor: the input.
        given: an array, whose data type must be the input's; :class:`Json`, whose values must have
            a place in it; or bytes: one text of BYTES, the elements of any other type.
        shape: the input's sizes, as far as they are known; -1 for any.

    Raises:
        Misfit: it does not fit.
    """
    match given:
        case np.ndarray():
            made = _of_array(tensor, given)
        case Json():
            made = _of_json(tensor, given.value, shape)
        case bytes():
            made = _of_bytes(tensor, given, shape)
        case _:
            raise AssertionError(type(given))
    if not _fits(made.shape, shape):
        raise Misfit(
            f"the shape {list(shape)}{', where -1 is any size' if -1 in shape else ''}",
            str(list(made.shape)),
            _about_rank(made.shape, shape),
        )
    return made


def _fits(found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return len(found) == len(wanted) and all(
        size in (-1, made) for made, size in zip(found, wanted, strict=True)
    )


def _about_rank(found: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    if _fits((1, *found), wanted):
        return "Add a first axis of size 1: the batch, or whatever the model has there."
    if _fits((*found, 1), wanted):
        return "Add a last axis of size 1: each value is a row of its own, as [[1], [2]]."
    return "Give an array of that shape."


def _of_array(tensor: ServedTensor, array: Array) -> Array:
    if array.dtype.kind in "US":
        texts = array.ravel().tolist()
        if tensor.dtype is DType.BYTES:
            encoded = [each if isinstance(each, bytes) else str(each).encode() for each in texts]
            return of_texts(encoded, array.shape)
    wanted = np.dtype(np.float32) if tensor.dtype is DType.BF16 else _numpy(tensor.dtype)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype != wanted:
        name = "bytes" if wanted == np.object_ else wanted.name
        remedy = f"Convert it: array.astype(numpy.{name})."
        if tensor.dtype is DType.BYTES:
            remedy = "Give an array of texts: array.astype(str)."
        raise Misfit(f"{tensor.dtype} ({name})", f"an array of {array.dtype.name}", remedy)
    return np.ascontiguousarray(array).reshape(array.shape)


def _of_bytes(tensor: ServedTensor, content: bytes, shape: tuple[int, ...]) -> Array:
    if tensor.dtype is DType.BYTES:
        return of_texts([content], [1] * len(shape))
    width = 2 if tensor.dtype is DType.BF16 else _numpy(tensor.dtype).itemsize
    fixed, free = math.prod(size for size in shape if size >= 0), shape.count(-1)
    count, rest = divmod(len(content), width)
    sizes = list(shape)
    if free > 1:
        raise Misfit("a shape with one free size at most", str(list(shape)), "Give its shape.")
    if free and fixed and not count % fixed:
        sizes[sizes.index(-1)] = count // fixed
    if rest or math.prod(sizes) != count:
        raise Misfit(
            f"bytes of {tensor.dtype} in the shape {list(shape)}, {width} a value",
            f"{len(content):,} bytes",
            "Give a file of the right length, or its shape.",
        )
    if tensor.dtype is DType.BF16:
        return of_bfloat16(content).reshape(sizes)
    return np.frombuffer(content, _numpy(tensor.dtype)).reshape(sizes)


def _of_json(tensor: ServedTensor, value: object, shape: tuple[int, ...]) -> Array:
    sizes, flat = _unnested(value)
    if not isinstance(value, list):  # alone, it stands for a tensor of one element
        sizes = [1] * len(shape)
    elements = [_element(tensor.dtype, each) for each in flat]
    if tensor.dtype is DType.BYTES:
        return of_texts(elements, sizes)
    kind = np.dtype(np.float32) if tensor.dtype is DType.BF16 else _numpy(tensor.dtype)
    with np.errstate(over="ignore"):
        made: Array = np.array(elements, np.float64 if kind.kind == "f" else kind).astype(kind)
    if kind.kind == "f":
        beyond = np.isinf(made) & np.isfinite(np.array(elements, np.float64))
        if beyond.any():
            found = elements[int(beyond.argmax())]
            raise Misfit(f"numbers that {tensor.dtype} can hold", str(found), "Give a smaller one.")
    return made.reshape(sizes)


def _unnested(value: object) -> tuple[list[int], list[object]]:
    """The sizes of lists in lists, and what stands in the innermost."""
    sizes: list[int] = []
    level: list[object] = [value]
    while level and any(isinstance(each, list) for each in level):
        lengths = {len(each) if isinstance(each, list) else -1 for each in level}
        if len(lengths) > 1:
            found = "a value beside a list" if -1 in lengths else f"lengths {sorted(lengths)}"
            raise Misfit("lists of one length at each level", found, "Make them equally long.")
        sizes.append(lengths.pop())
        level = [inner for outer in level if isinstance(outer, list) for inner in outer]
    return sizes, level


def _element(dtype: DType, value: object) -> Any:
    """A JSON value as an element."""
    if dtype is DType.BYTES:
        if isinstance(value, str):
            return value.encode()
        if isinstance(value, dict) and list(value) == [BASE64] and isinstance(value[BASE64], str):
            try:
                return base64.b64decode(value[BASE64], validate=True)
            except binascii.Error:
                raise _unlike("base64", value) from None
        raise _unlike("texts", value)
    if dtype is DType.BOOL:
        if isinstance(value, bool):
            return value
        raise _unlike("true or false", value)
    if isinstance(value, bool):
        raise _unlike(f"numbers, as {dtype}", value)
    if dtype in (DType.FP16, DType.FP32, DType.FP64, DType.BF16):
        if isinstance(value, str) and value in SPECIAL:
            return SPECIAL[value]
        if isinstance(value, int | float):
            return float(value)
        raise _unlike(f"numbers, as {dtype}", value)
    limits = np.iinfo(_numpy(dtype).name)
    if isinstance(value, int) and limits.min <= value <= limits.max:
        return value
    raise _unlike(f"integers from {limits.min} to {limits.max}, as {dtype}", value)


def _unlike(expected: str, value: object) -> Misfit:
    shown = f" {value}" if isinstance(value, int | float) and not isinstance(value, bool) else ""
    shown = f" '{shortened(value)}'" if isinstance(value, str) else shown
    kind = kind_of_value(value).removeprefix("a ") if shown else kind_of_value(value)
    return Misfit(expected, f"the {kind}{shown}" if shown else kind, "Correct the value.")


def _numpy(dtype: DType) -> np.dtype[np.generic]:
    return dtype.numpy
