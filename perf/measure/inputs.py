"""A scenario's requests as arrays, checked against the pipeline's own ModelConfig."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from perf.errors import ScenarioError
from perf.scenario import InputOptions, Scenario
from repository.arrays import DType
from repository.files.yaml_file import suggest

Request = Mapping[str, np.ndarray]
"""One request: input name -> array; a BYTES tensor is an object array of bytes."""

MAXIMUM_BYTES = 1 << 30
"""A gRPC message cannot be larger than 2 GiB; an input of half of that is a mistake."""


def requests_of(scenario: Scenario, config: Any) -> list[Request]:
    """Every request of a scenario, its files read.

    Args:
        scenario: which.
        config: the pipeline's ``ModelConfig``.

    Raises:
        ScenarioError: names, types or shapes that the pipeline does not take, or a file that
            cannot be read; all of them at once, one sentence each.
    """
    mistakes: list[str] = []
    made: list[Request] = []
    known = {tensor.name: tensor for tensor in config.input}
    for number, options in enumerate(scenario.requests):
        request: dict[str, np.ndarray] = {}
        for name, option in options.items():
            where = f"Request {number + 1}, input '{name}'"
            if name not in known:
                mistakes.append(
                    f"{where}: '{config.name}' has no such input; it has {', '.join(known)}. "
                    f"{suggest(name, known)}"
                )
                continue
            try:
                request[name] = _array(scenario, option, known[name], config.max_batch_size)
            except (ValueError, OSError, TypeError) as problem:
                mistakes.append(f"{where}{_of(option)}: {_text(problem)}")
        missing = [
            name for name, each in known.items() if not each.optional and name not in options
        ]
        if missing and known.keys() >= options.keys():
            mistakes.append(
                f"Request {number + 1}: '{config.name}' needs {' and '.join(missing)} too; "
                "give a file or a value."
            )
        made.append(request)
    if mistakes:
        raise ScenarioError("\n".join(mistakes))
    return made


def labels(scenario: Scenario) -> list[str]:
    """What to call each request in a sentence: its number and its files."""
    made = []
    for number, request in enumerate(scenario.requests):
        files = ", ".join(option.file for option in request.values() if option.file is not None)
        made.append(f"request {number + 1}" + (f" ({files})" if files else ""))
    return made


def _of(option: InputOptions) -> str:
    return f" from {option.file}" if option.file is not None else ""


def _array(scenario: Scenario, option: InputOptions, tensor: Any, batch: int) -> np.ndarray:
    dims = [int(dim) for dim in tensor.dims]
    dtype = DType.from_config(_type_name(tensor))
    if option.file is None:
        array = _typed(np.asarray(option.value, np.object_), dtype)
    else:
        path = scenario.path(option.file)
        if path.stat().st_size > MAXIMUM_BYTES:
            raise ValueError(f"it has more than {MAXIMUM_BYTES:,} bytes; no request takes so much.")
        content = path.read_bytes()
        if path.suffix == ".npy":
            array = _from_npy(content, dtype)
        elif dtype is DType.UINT8 and len(dims) == 1:
            array = np.frombuffer(content, np.uint8)
        elif dtype is DType.BYTES:
            array = np.array([content], np.object_)
        else:
            raise ValueError(
                f"it is {dtype} {dims}, which only a .npy file or a value can give; "
                "a UINT8 input of one axis or a BYTES input takes a file's bytes."
            )
    if option.value is not None and array.ndim == 0:
        array = array.reshape([1] * len(dims))
    if batch and array.ndim == len(dims):
        array = array[np.newaxis]
    return _fitting(array, ([-1] if batch else []) + dims)


def _type_name(tensor: Any) -> str:
    """As ``TYPE_FP32``."""
    field = tensor.DESCRIPTOR.fields_by_name["data_type"]
    return str(field.enum_type.values_by_number[tensor.data_type].name)


def _from_npy(content: bytes, dtype: DType) -> np.ndarray:
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, OSError):
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


def _typed(values: np.ndarray, dtype: DType) -> np.ndarray:
    """Numbers and texts of a YAML file, read without their type, as an input's type."""
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
    if (dtype is DType.BOOL) != isinstance(value, bool):
        expected = "true or false" if dtype is DType.BOOL else f"{dtype} numbers"
        raise ValueError(f"expected {expected}, found {value!r:.40}.")
    if dtype is DType.BOOL:
        return value
    try:
        return float(str(value)) if dtype.numpy.kind == "f" else int(str(value))
    except ValueError:
        raise ValueError(f"expected {dtype} numbers, found {value!r:.40}.") from None


def _fitting(array: np.ndarray, shape: list[int]) -> np.ndarray:
    fits = array.ndim == len(shape) and all(
        expected in (-1, found) for expected, found in zip(shape, array.shape, strict=True)
    )
    if not fits:
        raise ValueError(
            f"expected the shape {shape}, where -1 is any size, found {list(array.shape)}; "
            "give a file or a value of that shape."
        )
    return np.ascontiguousarray(array)


def _text(problem: BaseException) -> str:
    if isinstance(problem, OSError):
        return f"it cannot be read: {problem.strerror or type(problem).__name__}."
    return str(problem)
