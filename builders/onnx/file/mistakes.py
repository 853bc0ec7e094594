"""Why an ONNX file cannot be served as it is asked for, as far as the file shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from google.protobuf.json_format import MessageToDict

from builders.kit.emit.config import model_config
from builders.kit.graph import Model
from builders.kit.onnx.session import load_unoptimised
from builders.onnx.file.age import too_new
from builders.onnx.file.declared import untrue_shapes
from builders.onnx.file.operators import custom_operators, wrong_operators
from builders.onnx.file.reading import OnnxFile
from repository.check.onnx.external import check_external
from repository.check.onnx.rows import with_rows
from repository.findings import with_article
from repository.onnx.content import OnnxError
from repository.onnxruntime_rules import rules
from repository.onnxruntime_rules.facts import OnnxTensor, Violation
from repository.release import Release

_UNBATCHED = {"batch-axis", "cut-output", "scalar-with-batching", "optional-with-batching"}
"""Rules that a model breaks only since it batches."""


_MOST_LOADED = 64 << 20
"""Bytes up to which a file is loaded when a build is planned; a larger one is when it is made."""


def mistakes(
    file: OnnxFile, release: Release, operators: Sequence[Path] = ()
) -> Iterator[Violation]:
    """Why a Triton of that release does not serve the file, however it is asked for.

    Args:
        file: what is to be served.
        release: what is to serve it.
        operators: libraries of custom operators that there are.
    """
    found = [*_said(file, release)]
    if file.custom_operators and not operators:
        found.append(custom_operators(file))
    yield from found
    if not found and file.size <= _MOST_LOADED:
        try:
            load_unoptimised(file.path, operators)
        except OnnxError as error:
            _, _, told = str(error).partition("expected ")
            expected, _, rest = told.partition(", found: ")
            reason = rest.removesuffix(". Check the source.")
            reason, stop, remedy = reason.partition(". Build")
            remedy = f"Build{remedy}" if stop else "Mend the graph, or export it again."
            yield Violation("graph", "", expected, reason, remedy)


def _said(file: OnnxFile, release: Release) -> Iterator[Violation]:
    """What the file itself says."""
    yield from too_new(file, release)
    yield from wrong_operators(file, release)
    yield from _external(file)
    if not file.inputs:
        yield Violation(
            "inputs",
            "",
            "inputs",
            "none, so that nothing can be asked",
            "Export it with what it computes on as inputs.",
        )
    names = [each.name for each in (*file.inputs, *file.outputs)]
    for tensor in (*file.inputs, *file.outputs):
        yield from _tensor(file, tensor, release)
    yield from untrue_shapes(file)
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Violation(
            "names",
            name,
            "inputs and outputs of different names",
            f"{names.count(name)} of one name",
            "Put an Identity between them, and export it again.",
        )


def unbatched(file: OnnxFile, model: Model) -> Iterator[Violation]:
    """Why requests to a model that batches cannot be joined.

    Args:
        file: its file, which has no :func:`mistakes`.
        model: with its ``max_batch_size``.
    """
    described = MessageToDict(model_config(model), preserving_proto_field_name=True)
    graph = with_rows(file.header, described)
    found = [*rules.violations(described, graph, bfloat16=True)]
    found += [each for each in rules.warnings(described, graph) if each.rule in _UNBATCHED]
    told: set[str] = set()
    for each in found:
        if each.rule in _UNBATCHED and each.tensor not in told:
            told.add(each.tensor)
            yield replace(
                each,
                remedy="Leave out max_batch_size (and dynamic_batching): each request is then "
                "answered by itself. Or export the file with the batch as one dynamic first axis "
                "of all inputs and outputs, under one name.",
            )


def other_violations(file: OnnxFile, model: Model, release: Release) -> Iterator[Violation]:
    """What else the backend refuses in the file and its config."""
    described = MessageToDict(model_config(model), preserving_proto_field_name=True)
    for each in rules.violations(described, file.header.graph, bfloat16=release.bfloat16):
        if each.rule not in _UNBATCHED and each.rule not in ("dims",):
            yield each


def _external(file: OnnxFile) -> Iterator[Violation]:
    for finding in check_external(file.path.name, file.path, file.header.external):
        remedy = finding.remedy.replace("model again", "model")
        yield Violation(finding.rule, finding.tensor, finding.expected, finding.found, remedy)
    for name in file.sidecars:
        if name.lower().endswith(".onnx"):
            yield Violation(
                "external-data",
                "",
                "its external data in a file of another kind of name, as weights.data",
                f"'{name}', which is taken for a model",
                "Load it with onnx.load, and save it with onnx.save(…, save_as_external_data=True, "
                "location='weights.data').",
            )


def _tensor(file: OnnxFile, tensor: OnnxTensor, release: Release) -> Iterator[Violation]:
    role = "input" if tensor in file.inputs else "output"
    if not tensor.name.strip() or not tensor.name.isprintable():
        yield Violation(
            "names",
            tensor.name,
            f"a name for each {role} that can be printed",
            "none" if not tensor.name.strip() else ascii(tensor.name),
            f"Name the {role}, and export it again.",
        )
    if not tensor.is_tensor:
        yield Violation(
            "type",
            tensor.name,
            f"a tensor as {role}",
            f"{tensor.type.removesuffix('(…)')}, as ZipMap makes of a classifier's probabilities"
            if _zipped(file, tensor)
            else with_article(tensor.type.removesuffix("(…)")),
            "Convert the model with options={'zipmap': False} (skl2onnx and onnxmltools: "
            "convert_sklearn(model, options={id(model): {'zipmap': False}}))."
            if _zipped(file, tensor)
            else "Turn it into a tensor in the graph, as ConcatFromSequence does with a sequence.",
        )
        return
    if tensor.config_type == "TYPE_INVALID" or tensor.config_type == "TYPE_BF16":
        yield Violation(
            "dtype",
            tensor.name,
            f"an {role} of a type that requests can carry and that numpy has",
            tensor.element,
            f"Cast the {role} to float in the graph; weights and what is between may stay.",
        )
    if not file.has_shape(tensor):
        yield Violation(
            "shape",
            tensor.name,
            f"an {role} with a declared number of axes",
            "no shape",
            f"Declare the {role}'s shape in the file (dynamic axes by names), and save it again: "
            "Triton takes a tensor without one for a scalar.",
        )
    for index, size in enumerate(tensor.shape):
        if size == 0:
            yield Violation(
                "empty-axis",
                tensor.name,
                "axes of a size of at least 1, or dynamic ones",
                f"axis {index} of size 0 in {list(tensor.shape)}",
                f"Export it with that axis dynamic, or without the {role}.",
            )


def _zipped(file: OnnxFile, tensor: OnnxTensor) -> bool:
    """Whether an output comes from a ZipMap."""
    return any(
        node.op_type == "ZipMap" and tensor.name in node.output for node in file.model.graph.node
    )
