"""Why an ONNX file cannot be served as it is asked for, as far as the file shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import onnx
from google.protobuf.json_format import MessageToDict

from builders.kit.emit.config import model_config
from builders.kit.graph import Model
from builders.kit.onnx.files import NEWEST_IR, lower_ir_version
from builders.kit.onnx.session import load_unoptimised
from builders.kit.onnx.simplify import OLDEST_OPSET
from builders.onnx.file.declared import untrue_shapes
from builders.onnx.file.locales import absent_locales
from builders.onnx.file.reading import ORDINARY, OnnxFile
from repository.check.onnx.external import check_external
from repository.check.onnx.rows import with_rows
from repository.findings import shortened
from repository.onnx.content import OnnxError
from repository.onnx.operators import ML_DOMAIN, lacks, newest_ml
from repository.onnx.walk import nodes
from repository.onnxruntime_rules import rules
from repository.onnxruntime_rules.facts import OnnxTensor, Violation
from repository.release import RELEASES, Release

_RANDOM = {
    "Bernoulli",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
}
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
        found.append(_custom(file))
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
    yield from _age(file, release)
    yield from _operators(file)
    yield from _later_operators(file, release)
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


def _age(file: OnnxFile, release: Release) -> Iterator[Violation]:
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


def _operators(file: OnnxFile) -> Iterator[Violation]:
    yield from absent_locales(file.model)
    for domain, name in sorted(_unknown_operators(file)):
        version = file.domains.get(domain or "ai.onnx", 0)
        yield Violation(
            "operators",
            "",
            f"operators of {domain or 'ai.onnx'} in its version {version}",
            f"'{name}', which it has not",
            "Export it again, with the opset that has it.",
        )
    random = {
        node.op_type
        for node in nodes(file.model)
        if node.op_type in _RANDOM and not any(each.name == "seed" for each in node.attribute)
    }
    if random:
        yield Violation(
            "random",
            "",
            "a model that answers the same request with the same values",
            f"operators that draw random numbers: {', '.join(sorted(random))}",
            "Give each a seed, or have the random numbers as an input: what is served is compared "
            "with its source.",
        )


def _later_operators(file: OnnxFile, release: Release) -> Iterator[Violation]:
    """Operators that came after the release's ONNX Runtime."""
    used = {f"{node.domain}.{node.op_type}" for node in nodes(file.model)}
    for name in sorted(each for each in used if lacks(release.onnxruntime, each)):
        having = [each.name for each in RELEASES.values() if not lacks(each.onnxruntime, name)]
        yield Violation(
            "operators",
            "",
            f"operators of ONNX Runtime {release.onnxruntime}, as in Triton {release.name}",
            f"'{name}', which came later",
            f'Write triton: "{having[0]}" or newer, or export it without.',
        )


def _custom(file: OnnxFile) -> Violation:
    return Violation(
        "operators",
        "",
        f"operators of the domains {', '.join(ORDINARY[1:])}",
        f"custom ones: {shortened(', '.join(file.custom_operators), 300)}",
        "Name the library that has them, operators: [path:/FOLDER/LIBRARY.so], which has to lie at "
        "that path on every machine that serves the model. Or export it without them.",
    )


def _unknown_operators(file: OnnxFile) -> set[tuple[str, str]]:
    """Domain and name of each operator of the standard that its imported version has not."""
    own = {(each.domain, each.name) for each in file.model.functions}
    found: set[tuple[str, str]] = set()
    for node in nodes(file.model):
        domain = "" if node.domain == "ai.onnx" else node.domain
        version = file.domains.get(domain or "ai.onnx", 0)
        if domain in ("", "ai.onnx.ml") and (node.domain, node.op_type) not in own:
            try:
                onnx.defs.get_schema(node.op_type, version, domain)
            except onnx.defs.SchemaError:
                # Newer than the onnx package: not for it to say.
                if version <= onnx.defs.onnx_opset_version() or domain:
                    found.add((domain, node.op_type))
    return found


def _external(file: OnnxFile) -> Iterator[Violation]:
    for finding in check_external(file.path.name, file.path, file.header.external):
        remedy = finding.remedy.replace("model again", "model")
        yield Violation(finding.rule, finding.tensor, finding.expected, finding.found, remedy)


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
            else f"a {tensor.type.removesuffix('(…)')}",
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
