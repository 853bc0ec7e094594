"""Rules that only a graph's own words allow: named axes, the batch axis, calls between models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from builders.kit.graph import (
    BATCH,
    DYNAMIC,
    Ensemble,
    GivenModel,
    Model,
    OnnxModel,
    PlanModel,
    PythonModel,
    SequenceBatching,
    Tensor,
    calls_of,
    wire,
)
from repository.check.calls import check_call_graph
from repository.check.rules import finding, listed
from repository.config.facts import ONNXRUNTIME, PYTHON
from repository.copied.sequence_state import END, SEQUENCE_VALUES, START
from repository.findings import Finding
from repository.layout import VERSION

WRITTEN_VERSION = int(VERSION)


def check_declarations(models: Sequence[Model]) -> Iterator[Finding]:
    """Findings about what the graph says and a config does not.

    Args:
        models: as from :func:`builders.kit.graph.closure`.
    """
    for index, model in enumerate(models):
        yield from _name(model)
        if any(model.name == other.name for other in models[:index]):
            yield finding(
                "model-conflict",
                model.name,
                "one model of a name",
                "two that differ",
                "Rename one, or let both pipelines share one declaration.",
            )
        if model.versions.specific and WRITTEN_VERSION not in model.versions.specific:
            yield finding(
                "no-version",
                model.name,
                f"a version policy that serves version {WRITTEN_VERSION}, the one the kit writes",
                f"versions {list(model.versions.specific)}",
                f"Serve version {WRITTEN_VERSION}.",
            )
        if isinstance(model, Ensemble) and model.batching is not None:
            yield finding(
                "ensemble-batching",
                model.name,
                "no batching on an ensemble, which has no queue of its own",
                "DynamicBatching",
                "Batch the composing models.",
            )
        if isinstance(model, PythonModel) and model.sequences is not None:
            yield from _sequences(model, model.sequences)
        if isinstance(model, PythonModel) and model.streamed:
            yield from _streamed(model)
        if model.max_batch_size > 0:
            for tensor in (*model.inputs, *model.outputs):
                yield from _batch_axis(model, tensor)
        if isinstance(model, Ensemble):
            yield from _axes(model)
        if isinstance(model, GivenModel):
            yield from _image(model, models)


def never_run(models: Iterable[Model]) -> Iterator[Finding]:
    """Warnings about models that nothing here runs, and that nobody has seen answer."""
    for model in models:
        if isinstance(model, GivenModel):
            yield finding(
                "never-run",
                model.name,
                "a model that a build can run",
                f"one of the image {model.image}, whose config was checked, and no more",
                "Ask it there before you rely on it.",
            )


def _image(model: GivenModel, models: Sequence[Model]) -> Iterator[Finding]:
    """Models that the one image that serves the given model cannot serve."""
    for other in models:
        backend = _backend(other)
        if backend and backend not in model.backends:
            yield finding(
                "image-backend",
                other.name,
                f"a model of the backends {listed(model.backends)}, which are all that "
                f"{model.image} has, and '{model.name}' needs that image",
                f"the backend '{backend}'",
                "Build the two into repositories of their own, by a profile each.",
            )


def _backend(model: Model) -> str:
    """The backend that runs a model; empty for an ensemble, which none runs."""
    match model:
        case GivenModel():
            return model.backend
        case OnnxModel():
            return ONNXRUNTIME
        case PlanModel():
            return "tensorrt"
        case Ensemble():
            return ""
    return PYTHON


def _name(model: Model) -> Iterator[Finding]:
    if not model.name or model.name.startswith(".") or set(model.name) & set("/\\\0"):
        yield finding(
            "model-name",
            model.name or "a model",
            "a name that can be a folder's",
            f"'{model.name}'",
            "Use letters, digits and underscores.",
        )


def _sequences(model: PythonModel, sequences: SequenceBatching) -> Iterator[Finding]:
    if model.batching is not None:
        yield finding(
            "sequence-batching",
            model.name,
            "either sequence batching or dynamic batching",
            "both",
            "Take out one of the two.",
        )
    for what in ("max_candidate_sequences", "max_sequence_idle_microseconds"):
        if getattr(sequences, what) < 1:
            yield finding(
                "sequence-batching",
                model.name,
                f"{what} of 1 or more",
                str(getattr(sequences, what)),
                "Write how many sequences are held, and for how long.",
            )
    for tensor in model.inputs:
        if tensor.name in (*SEQUENCE_VALUES, START, END):
            yield finding(
                "sequence-input",
                model.name,
                f"inputs that are not named {', '.join((*SEQUENCE_VALUES, START, END))}",
                f"'{tensor.name}'",
                "Rename it.",
                tensor=tensor.name,
            )


def _streamed(model: PythonModel) -> Iterator[Finding]:
    for name, found in (
        ("max_batch_size", model.max_batch_size),
        ("batching", model.batching),
        ("sequences", model.sequences),
        ("response_cache", model.response_cache),
    ):
        if found:
            yield finding(
                "streamed",
                model.name,
                f"no {name} of a streamed model, whose engine takes each request by itself",
                str(found) if isinstance(found, int) else type(found).__name__,
                "Take it out, or let the stage answer once: streamed=False.",
            )


def _batch_axis(model: Model, tensor: Tensor) -> Iterator[Finding]:
    axes = list(tensor.axes.items())
    if not axes or axes[0] != (BATCH, DYNAMIC):
        first = f"{axes[0][0]}: {axes[0][1]}" if axes else "no axes"
        yield finding(
            "batch-axis",
            model.name,
            f"{BATCH}: {DYNAMIC} as first axis, as max_batch_size is {model.max_batch_size}",
            first,
            "Put the batch axis first, or set max_batch_size to 0.",
            tensor=tensor.name,
        )


def _axes(ensemble: Ensemble) -> Iterator[Finding]:
    """Axis names that contradict each other, in the pipeline or at the ends of one tensor."""
    owned = [(ensemble.name, tensor) for tensor in (*ensemble.inputs, *ensemble.outputs)]
    joined: dict[str, list[tuple[str, Tensor]]] = {}
    for name, tensor in owned:
        joined.setdefault(tensor.name, []).append((name, tensor))
    for step, wiring in zip(ensemble.steps, wire(ensemble), strict=True):
        for tensors, mapped in (
            (step.model.inputs, wiring.inputs),
            (step.model.outputs, wiring.outputs),
        ):
            for tensor in tensors:
                owned.append((step.model.name, tensor))
                if tensor.name in mapped:
                    joined.setdefault(mapped[tensor.name], []).append((step.model.name, tensor))
    sizes: dict[str, tuple[int, str]] = {}
    for owner, tensor in owned:
        for axis, size in tensor.axes.items():
            known, where = sizes.setdefault(axis, (size, f"'{tensor.name}' of '{owner}'"))
            if DYNAMIC in (known, size):
                sizes[axis] = (max(known, size), where)
            elif known != size:
                yield finding(
                    "axis-size",
                    ensemble.name,
                    f"one size for all axes named '{axis}'; it is {known} in {where}",
                    f"{size} in '{tensor.name}' of '{owner}'",
                    "Correct the size, or give the axis another name.",
                    tensor=tensor.name,
                )
    for name, ends in joined.items():
        first_owner, first = ends[0]
        for owner, tensor in ends[1:]:
            swapped = _swapped(list(first.axes), list(tensor.axes))
            if swapped:
                yield finding(
                    "axis-order",
                    ensemble.name,
                    f"axes {list(first.axes)}, as in '{first_owner}'",
                    f"{list(tensor.axes)} in '{owner}'",
                    f"Transpose in one of the models, or rename the axes: '{swapped}' moves.",
                    tensor=name,
                )


def _swapped(first: list[str], second: list[str]) -> str:
    """An axis that stands elsewhere in the second list than in the first; empty if none does.

    One of the two may lack the batch axis, which Triton adds to a tensor or takes from it.
    """
    if len(first) != len(second):
        first, second = ([axis for axis in axes if axis != BATCH] for axes in (first, second))
    for axis in first:
        if axis in second and len(first) == len(second) and first.index(axis) != second.index(axis):
            return axis
    return ""


def check_calls(models: Sequence[Model]) -> Iterator[Finding]:
    """Findings about models that call themselves, or others that are not there or do not fit."""
    calls: dict[str, set[str]] = {model.name: set() for model in models}
    declared: dict[str, set[str]] = {}
    for model in models:
        calls[model.name] |= {*(each.name for each in model.needs), *calls_of(model)}
        if called := calls_of(model):
            declared.setdefault(model.name, set()).update(called)
    yield from check_call_graph(calls, declared)
    there = {model.name: model for model in models}
    for model in models:
        for asked in model.asked if isinstance(model, PythonModel) else ():
            if (other := there.get(asked.name)) is not None:
                for tensor, expected, found in asked.misfits(other.inputs, other.outputs):
                    yield finding(
                        "asked-tensors",
                        model.name,
                        f"{expected} of '{asked.name}', which it asks",
                        found,
                        "Name a pipeline that fits, or build that one from another checkpoint.",
                        tensor=tensor,
                    )
