"""What a file or a folder is, in lines for a person."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from typing import Any

from builders.onnx.file.reading import OnnxFile
from builders.wrap.checkpoint import Taken
from builders.wrap.understood import Wrapped
from repository.arrays import DType
from repository.findings import printable, shortened
from repository.onnxruntime_rules.facts import OnnxTensor
from repository.table import Column, Table

_UNITS = ("bytes", "kB", "MB", "GB")


def described(wrapped: Wrapped, width: int) -> list[str]:
    """A heading, a line for each tensor, and what else there is to know.

    Args:
        wrapped: the file.
        width: columns at which sentences are folded.
    """
    file = wrapped.file
    heading = f"{printable(str(wrapped.path))}: {', '.join(_facts(file))}"
    return [
        *_folded(heading, "", width),
        *(f"  {line}" for line in _tensors(file)),
        *(line for note in _notes(wrapped) for line in _folded(note, "  ", width)),
    ]


def described_folder(taken: Taken, width: int) -> list[str]:
    """The lines of a folder that a family takes.

    Args:
        taken: the folder.
        width: columns at which sentences are folded.
    """
    notes = [f"Pipelines: {', '.join(taken.pipelines)}."]
    if taken.others:
        names = ", ".join(f"'{each}'" for each in taken.others)
        notes.append(f"Families that take it too: {names}.")
    if taken.onnx:
        example = shlex.quote(str(taken.onnx[0]))
        notes.append(f"It has ONNX files, which can also be served alone: wrap {example}.")
    heading = f"{printable(str(taken.path))}: {taken.words}, by the family '{taken.family}'"
    return [
        *_folded(heading, "", width),
        *(line for note in notes for line in _folded(printable(note), "  ", width)),
    ]


def folder_record(taken: Taken) -> dict[str, Any]:
    """The same for a script."""
    return {
        "family": taken.family,
        "component": taken.component,
        "path": str(taken.path),
        "kind": taken.words,
        "pipelines": list(taken.pipelines),
    }


def as_record(wrapped: Wrapped) -> dict[str, Any]:
    """A file for a script; an axis is a size, a name, or null if nothing is known about it."""
    inputs, outputs = (
        [
            {
                "name": each.name,
                "dtype": str(DType.from_config(each.config_type)),
                "axes": [_known(axis) for axis in each.axes],
            }
            for each in tensors
        ]
        for tensors in (wrapped.file.inputs, wrapped.file.outputs)
    )
    return {
        "model": wrapped.name,
        "path": str(wrapped.path),
        "bytes": wrapped.file.size,
        "opset": wrapped.file.opset,
        "inputs": inputs,
        "outputs": outputs,
        "unbatched": list(wrapped.unbatched),
    }


def _folded(text: str, indent: str, width: int) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _facts(file: OnnxFile) -> Iterator[str]:
    yield _size(file.size)
    if file.opset:
        yield f"opset {file.opset}"
    yield f"IR version {file.header.ir_version}"
    producer = f"{file.model.producer_name} {file.model.producer_version}".strip()
    if producer:
        yield f"written by {shortened(printable(producer), 60)}"


def _tensors(file: OnnxFile) -> list[str]:
    rows = [
        (role, tensor.name, DType.from_config(tensor.config_type), _axes(tensor))
        for role, tensors in (
            ("input", file.inputs),
            ("default", file.optional),
            ("output", file.outputs),
        )
        for tensor in tensors
    ]
    return Table([Column("") for _ in range(4)], rows).lines()


def _axes(tensor: OnnxTensor) -> str:
    return f"[{', '.join(map(_axis, tensor.axes))}]"


def _axis(axis: int | str | None) -> str:
    """A size, a name, or a question mark: names that shape inference made up are not shown."""
    known = _known(axis)
    return "?" if known is None else printable(str(known))


def _known(axis: int | str | None) -> int | str | None:
    return None if re.fullmatch(r"unk__\d+", str(axis)) else axis


def _notes(wrapped: Wrapped) -> Iterator[str]:
    file = wrapped.file
    if file.optional:
        yield "Inputs with a default value are constants, unless optional_inputs names them."
    others = [each for each in file.domains if each != "ai.onnx"]
    if others:
        yield f"Operators of {', '.join(map(printable, others))} beside those of ONNX."
    if file.sidecars:
        yield f"Weights in {', '.join(map(printable, file.sidecars))}, which come along."
    if not wrapped.unbatched:
        yield "Requests can be joined: the first axis of every tensor is the batch."
        return
    yield "Requests cannot be joined, and each is answered by itself:"
    yield from (f"- {printable(each)}." for each in wrapped.unbatched)


def _size(count: int) -> str:
    value, unit = float(count), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"
