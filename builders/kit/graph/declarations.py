"""Rules that only a graph's own words allow: named axes, the batch axis, calls between models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from builders.kit.graph import (
    BATCH,
    DYNAMIC,
    Ensemble,
    Model,
    PythonModel,
    SequenceBatching,
    Tensor,
    wire,
)
from repository.check.calls import check_call_graph
from repository.check.rules import finding
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
        if model.max_batch_size > 0:
            for tensor in (*model.inputs, *model.outputs):
                yield from _batch_axis(model, tensor)
        if isinstance(model, Ensemble):
            yield from _axes(model)


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
    """Findings about models that come to call themselves."""
    calls: dict[str, set[str]] = {model.name: set() for model in models}
    for model in models:
        calls[model.name] |= {each.name for each in model.needs}
    callers = {model.name for model in models if model.needs and not isinstance(model, Ensemble)}
    yield from check_call_graph(calls, {name: calls[name] for name in callers})
