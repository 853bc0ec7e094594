"""From the options of a profile to the family's models, exports and metrics."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from builders.errors import FamilyError
from builders.kit.family import Conditions, Family, Metric
from builders.kit.graph import OnnxModel, QueuePolicy
from builders.kit.recipe.overrides import override
from builders.kit.recipe.profile import ModelOptions
from builders.kit.sources import parse
from builders.onnx.examples.made_up import names_of_axes
from builders.onnx.export import export_of
from builders.onnx.file.mistakes import mistakes, other_violations, unbatched
from builders.onnx.file.other_formats import refuse_other_formats
from builders.onnx.file.reading import OnnxFile, read_file, tensors_of
from builders.onnx.options import OnnxModelOptions, OnnxOptions
from builders.onnx.own.given import GivenError, local, read_given, regular
from builders.onnx.own.metric import find_function, score
from repository.errors import KitError
from repository.files.yaml_file import suggest
from repository.findings import Finding, finding_of
from repository.onnxruntime_rules.facts import Violation

_UNBOUNDED = QueuePolicy(max_size=0)
"""For a model of one instance: before release 26.08 a bound makes a single request wait for half a
second."""


def make(options: OnnxOptions, conditions: Conditions) -> Family:
    """The family of a profile's ONNX files.

    Args:
        options: what the profile says.
        conditions: what else it does.

    Raises:
        FamilyError: files cannot be served as the profile asks; all that is wrong.
    """
    findings: list[Finding] = []
    models: list[OnnxModel] = []
    metrics: list[Metric] = []
    for name, asked in options.models.items():
        try:
            model = _model(name, asked, conditions, findings)
            metrics += _metrics(name, asked, conditions, findings)
        except KitError as error:
            at = conditions.place("models", name, "source")
            told = [finding_of("onnx", at, "", str(error).rstrip("."), "Or name another source.")]
            findings += error.findings or told
            continue
        if model is not None:
            models.append(model)
    if findings:
        raise FamilyError(findings)
    return Family(
        name="onnx",
        sources={name: asked.source for name, asked in options.models.items()},
        pipelines=tuple(models),
        metrics=tuple(metrics),
    )


def _model(
    name: str, asked: OnnxModelOptions, conditions: Conditions, findings: list[Finding]
) -> OnnxModel | None:
    """A model as it is asked for; None, and findings, if its file cannot be served so."""
    reference = parse(asked.source)
    if reference.scheme == "path":
        refuse_other_formats(Path(os.path.expanduser(reference.name)))  # noqa: PTH111
    file = read_file(conditions.checkpoint(asked.source), asked.file)
    at = conditions.place("models", name, "operators")
    operators = _libraries(asked, conditions.folder, at, findings)
    if operators is None:
        return None
    found = list(mistakes(file, conditions.release, operators))
    if found:
        findings += _told(found, conditions, name, "source")
        return None
    findings += _unknown_optional(file, asked, conditions.place("models", name, "optional_inputs"))
    for key, axes in (("sizes", asked.sizes), ("largest", asked.largest)):
        findings += _unknown_axes(file, axes, conditions.place("models", name, key))
    batching = asked.max_batch_size > 0
    optional = [each for each in file.optional if each.name in asked.optional_inputs]
    given = read_given(file, asked, optional, conditions, name, findings)
    wanted = OnnxModel(
        name=name,
        inputs=(
            *tensors_of(file.inputs, batching=batching),
            *tensors_of(optional, batching=batching, optional=True),
        ),
        outputs=tuple(tensors_of(file.outputs, batching=batching)),
        max_batch_size=asked.max_batch_size,
        export=export_of(name, file, asked, given, operators, conditions),
        operators=tuple(map(str, operators)),
    )
    model = _served(wanted, asked, conditions, findings)
    if batching:
        refused = list(unbatched(file, wanted))
        findings += _told(refused, conditions, name, "max_batch_size")
        if refused:
            return None
    findings += _told(
        other_violations(file, wanted, conditions.release), conditions, name, "source"
    )
    return model


def _served(
    model: OnnxModel, asked: OnnxModelOptions, conditions: Conditions, findings: list[Finding]
) -> OnnxModel:
    """A model with what its options say about serving it."""
    if asked.instances is not None and asked.instances.kind is not None:
        at = conditions.place("models", model.name, "instances")
        remedy = f"Write models: {{{model.name}: {{instances: …}}}} beside families, or no kind."
        found = asked.instances.kind
        findings.append(finding_of("onnx", at, "how many instances", found, remedy))
    if asked.int8 is not None and conditions.device == "gpu":
        at = conditions.place("models", model.name, "int8")
        remedy = "Remove it: these integer products are for CPUs, a GPU is faster without them."
        findings.append(finding_of("onnx", at, "fp32 on a GPU", "int8", remedy))
    count = asked.instances.count if asked.instances else 1
    if conditions.release.batcher_stalls and count == 1:
        model = replace(model, queue=_UNBOUNDED)
    batching = asked.dynamic_batching
    if batching is None and asked.max_batch_size > 1:
        options = ModelOptions.model_validate({"batching": True})
        batching = options.batching
    chosen = ModelOptions.model_construct(
        instances=asked.instances,
        parameters=asked.parameters,
        queue=asked.queue,
        batching=batching,
        max_batch_size=None,
        response_cache=asked.response_cache or None,
        precision="fp32",
    )
    served = override(model, chosen, conditions.device)
    assert isinstance(served, OnnxModel)
    return served


def _libraries(
    asked: OnnxModelOptions, base: Path, at: str, findings: list[Finding]
) -> tuple[Path, ...] | None:
    """The libraries of operators that a profile names; None, and findings, if one is none."""
    found: list[Path] = []
    for uri in asked.operators:
        try:
            path = regular(local(uri, base))
        except GivenError as error:
            findings.append(finding_of("onnx", at, "", str(error).rstrip("."), "Mend it."))
            continue
        if not uri.startswith("path:/"):
            expected = "a path that begins with '/', the same on every machine that serves it"
            findings.append(finding_of("onnx", at, expected, f"'{uri}'", f"Write path:{path}."))
        found.append(path)
    return tuple(found) if len(found) == len(asked.operators) else None


def _metrics(
    name: str, asked: OnnxModelOptions, conditions: Conditions, findings: list[Finding]
) -> Iterator[Metric]:
    if asked.metric is None or asked.bound is None:
        return
    found = find_function(
        asked.metric,
        asked.metric_data,
        conditions.folder,
        partial(conditions.place, "models", name),
        findings,
    )
    if found is not None:
        yield Metric(
            name=f"{name}.{found.function}",
            pipeline=name,
            bound=asked.bound,
            better=asked.better,
            measure=partial(score, str(found.file), found.function, asked.max_batch_size),
            data=found.data,
        )


def _unknown_optional(file: OnnxFile, asked: OnnxModelOptions, at: str) -> Iterator[Finding]:
    known = [each.name for each in file.optional]
    for name in asked.optional_inputs:
        if name not in known:
            expected = f"inputs that have a default value: {', '.join(known) or 'there are none'}"
            yield finding_of("onnx", at, expected, f"'{name}'", "Write one of those, or none.")


def _unknown_axes(file: OnnxFile, axes: Iterable[str], at: str) -> Iterator[Finding]:
    known = names_of_axes(file)
    for axis in axes:
        if axis not in known:
            expected = f"dynamic axes of its inputs: {', '.join(known) or 'there are none'}"
            yield finding_of("onnx", at, expected, f"'{axis}'", suggest(axis, known))


def _told(
    violations: Iterable[Violation], conditions: Conditions, name: str, key: str
) -> Iterator[Finding]:
    at = conditions.place("models", name, key)
    for each in violations:
        yield finding_of(
            f"onnx-{each.rule}",
            at,
            each.expected,
            each.found,
            each.remedy,
            tensor=each.tensor,
        )
