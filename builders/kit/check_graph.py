"""Rules that only a graph's own words allow: named axes, the batch axis, calls between models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from builders.kit.check_rule import finding
from builders.kit.emit_bls import BlsModel
from builders.kit.findings import Finding
from builders.kit.graph import BATCH, DYNAMIC, Ensemble, Model, Tensor, wire
from builders.kit.layout import VERSION

WRITTEN_VERSION = int(VERSION)


def everything(models: Sequence[Model]) -> list[Model]:
    """The models and all that they are composed of; of one name the first, unless they differ."""
    found: list[Model] = []
    for model in models:
        inner = [step.model for step in model.steps] if isinstance(model, Ensemble) else []
        for part in (*everything(inner), model):
            if part not in found:
                found.append(part)
    return found


def check_declarations(models: Sequence[Model]) -> Iterator[Finding]:
    """Findings about what the graph says and a config does not.

    Args:
        models: as from :func:`everything`.
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
    """An axis that stands elsewhere in the second list than in the first; empty if none does."""
    for axis in first:
        if axis in second and len(first) == len(second) and first.index(axis) != second.index(axis):
            return axis
    return ""


def check_calls(models: Sequence[Model]) -> Iterator[Finding]:
    """Findings about BLS models that come to call themselves, or a model that is not there."""
    calls = {model.name: _calls(model) for model in models}
    callers = {model.name for model in models if isinstance(model, BlsModel)}
    yield from check_call_graph(calls, callers)


def _calls(model: Model) -> set[str]:
    if isinstance(model, Ensemble):
        return {step.model.name for step in model.steps}
    return set(model.calls) if isinstance(model, BlsModel) else set()


def check_call_graph(calls: dict[str, set[str]], callers: set[str]) -> Iterator[Finding]:
    """Findings about a graph of calls.

    Args:
        calls: model -> the models that it calls or is composed of; a key for every model.
        callers: those of them that call from their own code.
    """
    for name in sorted(callers):
        for missing in sorted(calls[name] - set(calls)):
            yield finding(
                "unknown-call",
                name,
                "calls to models of this repository",
                f"'{missing}'",
                "Add the model, or correct its name in the code.",
            )
        trail = _way_back(name, calls)
        if trail:
            yield finding(
                "self-call",
                name,
                "calls that do not lead back to the caller",
                " -> ".join(trail),
                "Take the caller out of the circle: its only instance would wait for itself.",
            )


def _way_back(name: str, calls: dict[str, set[str]]) -> list[str]:
    """The shortest way of calls from a model to itself; empty if there is none."""
    trails = [[name]]
    seen: set[str] = set()
    for trail in trails:
        for called in sorted(calls.get(trail[-1], set())):
            if called == name:
                return [*trail, name]
            if called not in seen:
                seen.add(called)
                trails.append([*trail, called])
    return []
