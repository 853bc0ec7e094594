"""Rules on ONNX files: their layout, their age, and whether the config fits them.

What the C++ onnxruntime backend refuses, or serves in a way that nobody meant, is stated in
:mod:`repository.onnxruntime_rules.rules`, and reported here as ``onnx-`` and that rule's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from google.protobuf.json_format import MessageToDict

from repository.check.onnx.external import check_external
from repository.check.onnx.rows import with_rows
from repository.check.rules import finding
from repository.config.proto import pb
from repository.findings import Finding, Severity, finding_of
from repository.onnx.header import OnnxUnreadable, read_header
from repository.onnxruntime_rules import rules
from repository.release import Release

IN_FOLDER = "model.onnx"
"""The model's file in a folder that bears the file's name, whatever that is."""


def check_onnx(config: pb.ModelConfig, path: Path, release: Release) -> Iterator[Finding]:
    """Findings about an ONNX model's file.

    Args:
        config: the model's config.
        path: the file, or the folder of that name that holds it and its external data.
        release: the Triton release that will load it.
    """
    where = f"{config.name}/{path.parent.name}/{path.name}"
    file = onnx_file(path)
    try:
        header = read_header(file)
    except (OnnxUnreadable, OSError) as error:
        found = error.strerror if isinstance(error, OSError) else str(error)
        yield finding(
            "onnx-file",
            where + (f"/{IN_FOLDER}" if file != path else ""),
            "an ONNX model",
            found or "an error",
            "Put the exported model there.",
        )
        return
    if header.opset > release.newest_opset or header.ir_version > release.newest_ir_version:
        yield finding(
            "onnx-version",
            where,
            f"opset {release.newest_opset} and IR version {release.newest_ir_version} at most, "
            f"as Triton {release.name} has ONNX Runtime {release.onnxruntime or 'of unknown age'}",
            f"opset {header.opset}, IR version {header.ir_version}",
            "Convert the model to an older opset.",
        )
    yield from check_external(where, file, header.external)
    if not config.output:
        yield finding_of(
            "onnx-missing-output",
            config.name,
            "an output of the model",
            "none",
            "Add the outputs that a request may ask for: the C++ backend loads the model and "
            "answers with nothing, the local server refuses it.",
        )
    described = MessageToDict(config, preserving_proto_field_name=True)
    graph = with_rows(header, described)
    broken = rules.violations(described, graph, bfloat16=release.bfloat16)
    for severity, violations in (
        (Severity.ERROR, broken),
        (Severity.WARNING, rules.warnings(described, graph)),
    ):
        for violation in violations:
            yield finding_of(
                f"onnx-{violation.rule}",
                config.name,
                violation.expected,
                violation.found,
                violation.remedy,
                tensor=violation.tensor,
                severity=severity,
            )


def onnx_file(path: Path) -> Path:
    """The ONNX file: the path, or the file in the folder that lies there."""
    return path / IN_FOLDER if path.is_dir() else path
