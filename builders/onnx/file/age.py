"""Files that are newer than what a release of Triton loads, or older than it promises to."""

from __future__ import annotations

from collections.abc import Iterator

import onnx

from builders.kit.onnx.files import NEWEST_IR, lower_ir_version
from builders.kit.onnx.simplify import OLDEST_OPSET
from builders.onnx.file.reading import OnnxFile
from repository.onnx.content import OnnxError
from repository.onnx.operators import ML_DOMAIN, newest_ml
from repository.onnxruntime_rules.facts import Violation
from repository.release import RELEASES, Release


def too_new(file: OnnxFile, release: Release) -> Iterator[Violation]:
    """Versions of operators and of the file format that the release does not load."""
    version = release.onnxruntime or "of unknown age"
    has = f"as Triton {release.name} has ONNX Runtime {version}"
    if file.opset > release.newest_opset:
        newer = next(
            (name for name, each in RELEASES.items() if each.newest_opset >= file.opset), ""
        )
        other = f', or write triton: "{newer}" or newer' if newer else ""
        yield Violation(
            "opset",
            "",
            f"opset {release.newest_opset} at most, {has}",
            f"opset {file.opset}",
            f"Export it with opset {release.newest_opset} (target_opset of skl2onnx and "
            f"onnxmltools, opset_version of torch.onnx.export){other}.",
        )
    if 0 < file.opset < OLDEST_OPSET:
        yield Violation(
            "opset",
            "",
            f"opset {OLDEST_OPSET} at least, the oldest that ONNX Runtime promises to run",
            f"opset {file.opset}",
            "Convert it with onnx.version_converter, or export it again.",
        )
    newest = newest_ml(release.onnxruntime)
    if (found := file.domains.get(ML_DOMAIN, 0)) > newest:
        yield Violation(
            "opset",
            "",
            f"version {newest} of {ML_DOMAIN} at most, {has}",
            f"version {found}",
            f"Export it with that (target_opset={{'': {release.newest_opset}, '{ML_DOMAIN}': "
            f"{newest}}} of skl2onnx and onnxmltools).",
        )
    ir_version = file.header.ir_version
    problem = ""
    if ir_version > onnx.IR_VERSION:
        problem = f"IR version {ir_version}"
    else:
        lowered = onnx.ModelProto()
        lowered.CopyFrom(file.model)
        try:
            lower_ir_version(lowered)
        except OnnxError as error:
            problem = str(error).partition("found ")[2].partition(". Export")[0]
        if not problem and lowered.ir_version > release.newest_ir_version:
            problem = f"IR version {ir_version}"
    if problem:
        newest = min(NEWEST_IR, release.newest_ir_version)
        yield Violation(
            "ir-version",
            "",
            f"what IR version {newest} can express, {has}",
            problem,
            f"Export it with IR version {newest} (ir_version of onnx.helper.make_model), or with "
            "an older exporter.",
        )
