"""Lay a profile's ``device`` and ``models`` over a graph, without changing the graph itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from builders.kit.graph import (
    DynamicBatching,
    Ensemble,
    Flow,
    InstanceGroup,
    Model,
    OnnxModel,
    PythonModel,
    closure,
)
from builders.kit.graph.bls import BlsModel
from builders.kit.graph.options import BACKEND
from builders.kit.recipe.profile import BatchingOptions, ModelOptions, Profile, ProfileError
from repository.files.yaml_file import suggest
from repository.findings import Finding, finding_of, shortened


def apply(
    profile: Profile,
    models: Sequence[Model],
    then: Callable[[Model], Model] = lambda model: model,
    forms: Callable[[Sequence[Model]], Sequence[Model]] = lambda models: models,
) -> tuple[Model, ...]:
    """The models, served as the profile says, with all that they need.

    Args:
        profile: its ``device`` puts ONNX models on GPUs; its ``models`` override single settings.
        models: models of any kind; the models that they need are added.
        then: what to do with each model once its settings are overridden.
        forms: makes of all these the models that are returned, with other forms of them. Models
            that it adds get their own settings afterwards.

    Returns:
        New models in the order given. A model that stands in two ensembles stays one model.

    Raises:
        ProfileError: ``models`` names a model that is not in the graph, or asks a model for what it
            cannot do; all mistakes at once.
    """
    declared = closure(models)
    if findings := list(_twins(declared)):
        there = {model.name: model for model in declared}
        raise ProfileError([*findings, *_mistakes(profile.models, there)])

    def change(model: Model) -> Model:
        options = profile.models.get(model.name, ModelOptions())
        return then(override(model, options, profile.device))

    made = forms(_remade(models, change))
    settled = {model.name for model in declared}
    added = [model for model in closure(made) if model.name not in settled]
    every = [*declared, *added]
    there = {model.name: model for model in every}
    if findings := [*_twins(every), *_mistakes(profile.models, there)]:
        raise ProfileError(findings)
    return _remade(made, lambda model: model if model.name in settled else change(model))


def _remade(models: Sequence[Model], change: Callable[[Model], Model]) -> tuple[Model, ...]:
    """Models with each one of them, and each that they need, changed; equal names stay one.

    Args:
        models: models in any mixture.
        change: a model -> what it becomes; what it needs is put in afterwards.
    """
    made: dict[str, Model] = {}

    def remake(model: Model) -> Model:
        if model.name not in made:
            new = change(model)
            if isinstance(new, Ensemble):
                steps = tuple(replace(step, model=remake(step.model)) for step in new.steps)
                new = replace(new, steps=Flow(steps))
            elif isinstance(new, PythonModel | BlsModel) and new.calls:
                new = replace(new, calls=tuple(map(remake, new.calls)))
            made[model.name] = new
        return made[model.name]

    return tuple(remake(model) for model in models)


def override(model: Model, options: ModelOptions, device: str) -> Model:
    """A model with what its options say, and on the device; what it needs stays as it is."""
    changes: dict[str, object] = {}
    onnx = isinstance(model, OnnxModel)
    if device == "gpu" and onnx:
        changes["instances"] = tuple(replace(group, kind="KIND_GPU") for group in model.instances)
    if options.instances is not None:
        chosen = options.instances
        kind = chosen.kind or ("KIND_GPU" if device == "gpu" and onnx else "KIND_CPU")
        group = InstanceGroup(count=chosen.count, kind=kind, gpus=tuple(chosen.gpus))
        changes["instances"] = (group,)
    if options.parameters:
        changes["parameters"] = {**model.parameters, **options.parameters}
    if options.queue is not None:
        changes["queue"] = replace(model.queue, **options.queue.model_dump(exclude_none=True))
    if options.batching is not None:
        changes["batching"] = _batching(model, options.batching)
    if options.max_batch_size is not None:
        changes["max_batch_size"] = options.max_batch_size
    if options.response_cache is not None:
        changes["response_cache"] = options.response_cache
    return replace(model, **changes) if changes else model  # type: ignore[arg-type]


def _batching(model: Model, options: BatchingOptions) -> DynamicBatching | None:
    if not options.enabled:
        return None
    settings = options.model_dump(exclude_none=True, exclude={"enabled"})
    if "preferred_sizes" in settings:
        settings["preferred_sizes"] = tuple(settings["preferred_sizes"])
    return replace(model.batching or DynamicBatching(), **settings)


def _twins(models: Sequence[Model]) -> Iterable[Finding]:
    """Different models of one name: they would share a folder."""
    names = [model.name for model in models]
    for name in sorted({name for name in names if names.count(name) > 1}):
        found = f"{names.count(name)} that differ"
        remedy = "Rename one, or share the definition in builders/stages."
        yield finding_of("model-name", name, "one definition of a model", found, remedy)


def _mistakes(
    overrides: Mapping[str, ModelOptions], there: Mapping[str, Model]
) -> Iterable[Finding]:
    for name, options in overrides.items():
        model = there.get(name)
        if model is None:
            known = ", ".join(sorted(there))
            yield _finding(name, f"a model of the graph: {known}", "none", suggest(name, there))
            continue
        if isinstance(model, PythonModel | BlsModel):
            yield from _parameters(name, options.parameters, model)
        batches = options.batching is not None and options.batching.enabled
        if model.max_batch_size == 0 and (batches or options.max_batch_size is not None):
            yield _finding(
                name, "no batching for a model with max_batch_size 0", "some", "Remove it."
            )
        if isinstance(model, PythonModel) and model.sequences is not None:
            for option in ("batching", "queue"):
                if getattr(options, option) is not None:
                    remedy = "Remove it: sequence batching takes its place."
                    yield _finding(f"{name}.{option}", "none for a sequence model", "one", remedy)
        if isinstance(model, PythonModel) and model.streamed and options.queue is not None:
            remedy = "Remove it: requests wait in the model's engine."
            yield _finding(f"{name}.queue", "none for a streamed model", "one", remedy)
        if isinstance(model, Ensemble):
            for option in ("instances", "batching", "queue"):
                if getattr(options, option) is not None:
                    remedy = "Set it for the models of its steps."
                    yield _finding(f"{name}.{option}", "none for an ensemble", "one", remedy)


def _parameters(
    name: str, given: Mapping[str, str], model: PythonModel | BlsModel
) -> Iterable[Finding]:
    """Parameters that a stage does not read, and values that it cannot do with."""
    known = model.options if isinstance(model, PythonModel) else {}
    for key, value in given.items():
        where = f"{name}.parameters.{key}"
        if key in BACKEND:
            continue
        if key not in known:
            names = [*known, *BACKEND]
            expected = f"one of {', '.join(names)}"
            yield _finding(f"{name}.parameters", expected, f"'{key}'", suggest(key, names))
        elif not known[key].takes(value):
            yield _finding(where, known[key].words, repr(shortened(value)), "Write such a value.")


def _finding(where: str, expected: str, found: str, remedy: str) -> Finding:
    return finding_of("profile", f"profile, models.{where}", expected, found, remedy)
