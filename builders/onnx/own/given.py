"""A user's own inputs: .npz files that hold arrays by the names of the model's inputs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from builders.errors import BuildersError
from builders.kit.family import Conditions
from builders.onnx.file.reading import OnnxFile
from builders.onnx.options import OnnxModelOptions
from repository.arrays import Array, DType
from repository.files.bounded_file import Unreadable, kind_at
from repository.files.npz_file import WRITE, read_npz
from repository.files.yaml_file import suggest
from repository.findings import Finding, finding_of
from repository.onnxruntime_rules.facts import DYNAMIC, OnnxTensor


class GivenError(BuildersError):
    """A file of inputs that is not there, or not readable without running what is in it."""


def local(uri: str, base: Path) -> Path:
    """The path of a ``path:`` URI.

    Args:
        uri: the URI.
        base: where relative paths start.

    Raises:
        GivenError: it is of another kind.
    """
    scheme, _, name = uri.partition(":")
    if scheme != "path" or not name or "\0" in name:
        raise GivenError(f"'{uri}': expected 'path:FILE', found none. Write 'path:' before it.")
    # Unlike Path's, this one leaves the name of an unknown user as it is.
    return base.absolute() / os.path.expanduser(name)  # noqa: PTH111


def regular(path: Path) -> Path:
    """The same path, if it is a regular file.

    Raises:
        GivenError: it is not.
    """
    try:
        kind = kind_at(path)
    except OSError:
        kind = "none"
    if kind != "file":
        raise GivenError(
            f"{path}: expected a file, found {kind if kind == 'none' else f'a {kind}'}. Relative "
            "paths start at the profile's folder."
        )
    return path


def load_given(path: Path) -> dict[str, Array]:
    """The arrays of a file; text as onnxruntime takes it.

    Raises:
        GivenError: it is no .npz, or holds Python objects, which run code when they are read.
    """
    try:
        return read_npz(regular(path))
    except Unreadable as error:
        raise GivenError(f"{str(error).rstrip('.')}. {WRITE}") from None


def read_given(
    file: OnnxFile,
    asked: OnnxModelOptions,
    optional: Iterable[OnnxTensor],
    conditions: Conditions,
    name: str,
    findings: list[Finding],
) -> tuple[Path, ...]:
    """The files of inputs that a profile names, each compared with the model's inputs.

    Args:
        file: the model's.
        asked: what the profile says about it.
        optional: inputs that a file may leave out.
        conditions: for places in the profile.
        name: the model's.
        findings: gets what is wrong with them.
    """
    paths: list[Path] = []
    for uri in asked.inputs:
        at = conditions.place("models", name, "inputs")
        try:
            path = local(uri, conditions.folder)
            arrays = load_given(path)
        except GivenError as error:
            findings.append(finding_of("onnx-inputs", at, "", str(error).rstrip("."), "Mend it."))
            continue
        paths.append(path)
        findings += _mistakes(f"{at}, {path.name}", arrays, file.inputs, tuple(optional))
    return tuple(paths)


def _mistakes(
    where: str,
    arrays: Mapping[str, Array],
    needed: tuple[OnnxTensor, ...],
    optional: tuple[OnnxTensor, ...],
) -> Iterator[Finding]:
    tensors = {each.name: each for each in (*needed, *optional)}
    for name in arrays:
        if name not in tensors:
            expected = f"arrays by the names of the inputs: {', '.join(tensors)}"
            yield finding_of("onnx-inputs", where, expected, f"'{name}'", suggest(name, tensors))
    for tensor in needed:
        if tensor.name not in arrays:
            found = f"arrays {', '.join(arrays) or 'of no name'}"
            yield finding_of("onnx-inputs", where, f"an array '{tensor.name}'", found, WRITE)
    sizes: dict[str, tuple[int, str]] = {}
    for name, array in arrays.items():
        if name in tensors:
            yield from _misfit(where, tensors[name], array, sizes)


def _misfit(
    where: str, tensor: OnnxTensor, array: Array, sizes: dict[str, tuple[int, str]]
) -> Iterator[Finding]:
    wanted = DType.from_config(tensor.config_type)
    try:
        found = DType.from_numpy(array.dtype)
    except ValueError:
        found = None
    if found is not wanted:
        remedy = f"Convert it with .astype('{wanted.numpy.name}')."
        if wanted is DType.BYTES:
            remedy = "Store texts as an array of dtype U."
        yield finding_of(
            "onnx-inputs",
            where,
            f"{wanted.numpy.name if wanted is not DType.BYTES else 'text'}",
            str(array.dtype),
            remedy,
            tensor=tensor.name,
        )
    shape = tensor.shape
    if len(shape) != array.ndim or any(
        want not in (DYNAMIC, have) for want, have in zip(shape, array.shape, strict=True)
    ):
        yield finding_of(
            "onnx-inputs",
            where,
            f"the shape [{', '.join(str(each or '?') for each in tensor.axes)}]",
            str(list(array.shape)),
            "Give it the shape that the model takes, the batch axis included.",
            tensor=tensor.name,
        )
        return
    if array.size == 0:
        yield finding_of(
            "onnx-inputs",
            where,
            "at least one value to compare on",
            f"the shape {list(array.shape)}",
            "Give it at least one row.",
            tensor=tensor.name,
        )
    for axis, size in zip(tensor.axes, array.shape, strict=True):
        if isinstance(axis, str):
            first, owner = sizes.setdefault(axis, (size, tensor.name))
            if first != size:
                yield finding_of(
                    "onnx-inputs",
                    where,
                    f"{first} for the axis '{axis}', as in '{owner}'",
                    str(size),
                    "Give both the same size.",
                    tensor=tensor.name,
                )
