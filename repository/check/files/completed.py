"""What a server fills in where a config leaves something out, and what that leaves to check.

A server that is started without ``--disable-auto-complete-config`` lets each backend complete a
model's config from the model itself. For an ONNX model the check does the same from its file. What
other backends fill in, such as a Python model's ``auto_complete_config``, only the server knows:
such a model stays open, and nothing is guessed for it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict

from repository.check.files.folder import ModelFolder
from repository.check.files.python import may_complete
from repository.check.rules import finding
from repository.config.facts import is_ensemble, is_onnx, is_python, runs_python, tensors_of
from repository.config.proto import pb
from repository.config.text import FILE_NAME
from repository.files.reading import UNREADABLE, exists
from repository.findings import Finding, shortened
from repository.onnxruntime_rules.completion import Completion, completion


class Target(enum.StrEnum):
    """How the server that will serve the repository is started."""

    DEFAULT = "default"
    """As Triton starts by itself: what a config leaves out is filled in."""

    STRICT = "strict"
    """With ``--disable-auto-complete-config``, as the kit's own runtimes start it."""


_NEVER = {"identity", "pytorch"}
"""Backends that fill in nothing, and have to be given a config. TorchScript names no tensors."""

_FILES_ALONE = {"tensorrt", "tensorflow", "openvino"}
"""Backends that read from the model's file what a config leaves out."""


def complete(model: ModelFolder) -> Iterator[Finding]:
    """Completes a model's config as a server with auto-complete does, and says what it fills in.

    Args:
        model: its ``config`` and ``completed`` are set, and whether it stays open.
    """
    written = model.config
    if written is None or is_ensemble(written) or not written.backend:
        return
    if is_onnx(written):
        yield from _onnx(model, written)
        return
    lacking = _lacking(model, written)
    never = written.backend in _NEVER and not runs_python(written)
    if is_python(written):
        model.is_open = any(may_complete(path) for path in model.model_files())
        filler = "its auto_complete_config" if model.is_open else ""
    elif never:
        filler = ""
    else:
        model.is_open = bool(lacking)
        filler = f"the backend '{written.backend}'"
        if written.backend in _FILES_ALONE:
            filler += ", from the model's file"
    if not lacking:
        return
    if never and not model.has_config_file:
        yield finding(
            "missing-config",
            model.name,
            f"a {FILE_NAME}",
            "none",
            f"Write one: the backend '{written.backend}' fills in nothing.",
        )
        return
    yield _left_out(
        model,
        lacking,
        f"{filler} fills it in; what, only the server knows, so that ensembles are not held to it"
        if filler
        else "nothing fills it in, and the model has no other tensors than it says",
    )


def _onnx(model: ModelFolder, written: pb.ModelConfig) -> Iterator[Finding]:
    """The newest version that is served counts for the model, as in an ensemble."""
    told = False
    for path in model.model_files():
        made = _completion_of(path, written)
        if made is None:
            # check_onnx says what is wrong with the file.
            model.is_open = model.is_open or not (written.input and written.output)
            continue
        if (refusal := made.refusal) is not None:
            yield finding("completion", model.name, refusal.expected, refusal.found, refusal.remedy)
        completed = pb.ModelConfig()
        completed.CopyFrom(written)
        completed.max_batch_size = made.max_batch_size
        if made.dynamic_batching:
            completed.dynamic_batching.SetInParent()
        ParseDict(made.filled, completed)
        model.completed[int(path.parent.name)] = completed
        model.config = completed
        if not told and refusal is None:
            told = True
            yield _left_out(model, _lacking(model, written), f"Triton fills in {_shown(made)}")


def _completion_of(path: Path, written: pb.ModelConfig) -> Completion | None:
    """What a file fills in; None if that is nothing, or the file cannot be read."""
    from repository.check.onnx.file import onnx_file
    from repository.onnx.header import read_header

    if written.output and (written.input or written.batch_input):
        return None
    try:
        header = read_header(onnx_file(path)) if exists(path) else None
    except UNREADABLE:
        header = None
    if header is None:
        return None
    return completion(MessageToDict(written, preserving_proto_field_name=True), header.graph)


def _lacking(model: ModelFolder, config: pb.ModelConfig) -> str:
    """What a config leaves out of what it might say, in words; empty if nothing."""
    if not model.has_config_file:
        return f"no {FILE_NAME}"
    absent = [f"no {role}" for role in ("input", "output") if not getattr(config, role)]
    absent += [
        f"no dims or no data_type of '{tensor.name}'"
        for tensor in tensors_of(config)
        if not tensor.dims or tensor.data_type == pb.TYPE_INVALID
    ]
    return shortened(" and ".join(absent), 300)


def _left_out(model: ModelFolder, lacking: str, filled: str) -> Finding:
    return finding(
        "auto-complete",
        model.name,
        "all inputs and outputs, each with its data_type and dims",
        lacking,
        f"Write them if that is not what you mean: {filled}.",
    )


def _shown(made: Completion) -> str:
    parts = [f"max_batch_size: {made.max_batch_size}"]
    if made.dynamic_batching:
        parts.append("dynamic_batching")
    for role, entries in made.filled.items():
        parts += [f"{role} {_entry(entry)}" for entry in entries[:_MOST_SHOWN]]
        if len(entries) > _MOST_SHOWN:
            parts.append(f"{len(entries) - _MOST_SHOWN} more of {role}")
    return ", ".join(parts)


_MOST_SHOWN = 8


def _entry(entry: dict[str, Any]) -> str:
    return f"'{entry['name']}' {entry['data_type']} {entry['dims']}"
