"""From an ONNX file to the one that is served: simplified where that changes no answer."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from onnx import ModelProto

from builders.kit import onnx
from builders.kit.build.parity import ParityError, compare_files
from builders.kit.export import Parity
from builders.kit.onnx.files import MODEL_FILE, lower_ir_version
from builders.onnx.batch_axis import name_batch_axis
from builders.onnx.file.reading import OnnxFile, read_file
from repository.onnx.content import OnnxError


def make_file(
    parity: Parity,
    newest_opset: int,
    optional: tuple[str, ...],
    simplify: bool,
    batches: bool,
    inside: str,
    checkpoint: Path,
    out: Path,
) -> Mapping[str, object]:
    """Write the file that is served.

    Args:
        parity: what a simplified graph is held to; one that fails is not served.
        newest_opset: the newest that the release loads.
        optional: inputs with a default value that requests may give.
        simplify: whether to try it.
        batches: whether the first axis of every input and output is the batch.
        inside: the file's path in a source that is a folder.
        checkpoint: the source.
        out: the file to write, or the folder if it has weights in other files.

    Returns:
        For the manifest: whether the graph was simplified, and how, or why not.
    """
    file = read_file(checkpoint, inside)
    facts: dict[str, object] = {
        "domains": file.domains,
        "ir_version": file.header.ir_version,
        "external_data": list(file.sidecars),
        "axes": {each.name: list(each.axes) for each in file.inputs},
    }
    if file.optional:
        names = [each.name for each in file.optional]
        facts["constants"] = [name for name in names if name not in optional]
    why = file.unsimplified
    if optional:
        why = "it has optional inputs"
    if not simplify:
        why = "the profile says so"
    if not why:
        try:
            model, done = onnx.normalise(onnx.load(file.path), newest_opset=newest_opset)
            if batches:
                name_batch_axis(model)
            onnx.save(model, out)
            compare_files(parity, checkpoint, out)
            return {**facts, "simplified": True, **done.facts()}
        except (OnnxError, ParityError) as error:
            why = str(error)
            # The manifest of equal builds is equal, wherever they are made.
            why = why.replace(str(out), "the simplified file").replace(
                str(file.path), file.path.name
            )
            _remove(out)
    _as_it_is(file, out, batches)
    return {**facts, "simplified": False, "why": why}


def _as_it_is(file: OnnxFile, out: Path, batches: bool) -> None:
    """The same graph and weights; the version of the file format may be lowered, and the batch's
    axis gets a name."""
    model = ModelProto()
    model.ParseFromString(file.path.read_bytes())
    lower_ir_version(model)
    if batches:
        name_batch_axis(model)
    target = out
    if file.sidecars:
        target = out / MODEL_FILE
        for name in file.sidecars:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.path.parent / name, out / name)
    target.write_bytes(model.SerializeToString(deterministic=True))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
