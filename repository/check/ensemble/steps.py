"""Rules on an ensemble: its steps, its data flow, and its composing models.

After ``ValidateEnsembleSchedulingConfig`` and ``ValidateEnsembleConfig`` of
triton-inference-server/core, which stop at the first mistake; here each is found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from repository.check.ensemble.batches import check_batches
from repository.check.ensemble.flow import check_flow, running_order, running_waves
from repository.check.ensemble.joints import check_joints
from repository.check.rules import finding, listed
from repository.config.facts import ENSEMBLE, has_decoupled, is_bounded, is_decoupled, is_ensemble
from repository.config.proto import pb
from repository.findings import Finding

Configs = Mapping[str, pb.ModelConfig]
Versions = Mapping[str, Set[int]]
"""Model -> the versions that are served of it."""


def check_ensemble(
    config: pb.ModelConfig,
    configs: Configs,
    versions: Versions,
    open_models: Set[str] = frozenset(),
) -> Iterator[Finding]:
    """Findings about one ensemble.

    Args:
        config: any model's; one that is not an ensemble has no findings.
        configs: every model beside it, by name.
        versions: the versions that are served of each model; models without an entry are
            taken to have every version but 0.
        open_models: the models that may have other tensors and batch sizes than their configs say.
    """
    if not is_ensemble(config):
        return
    yield from _platform(config)
    yield from _fields(config)
    yield from _steps(config)
    yield from check_flow(config)
    yield from _models(config, configs, versions, open_models)
    yield from _maps(config, configs, open_models)
    yield from check_joints(config, configs, open_models)
    yield from check_batches(config, configs, open_models)
    yield from _labels(config, configs)
    yield from _recursion(config, configs)
    yield from _cache(config, configs)
    yield from _refusals(config, configs)


def _platform(config: pb.ModelConfig) -> Iterator[Finding]:
    found = ""
    if config.platform != ENSEMBLE:
        found = f"platform '{config.platform}'" if config.platform else "no platform"
    elif config.backend:
        found = f"backend '{config.backend}'"
    elif not config.HasField("ensemble_scheduling"):
        found = "no ensemble_scheduling"
    if found:
        yield finding(
            "ensemble-platform",
            config.name,
            "platform 'ensemble', no backend, and ensemble_scheduling",
            found,
            'Write platform: "ensemble" and the steps, or remove both.',
        )


def _fields(config: pb.ModelConfig) -> Iterator[Finding]:
    present = {
        "instance_group": bool(config.instance_group),
        "optimization": config.HasField("optimization"),
        "model_warmup": bool(config.model_warmup),
    }
    for field in present:
        if present[field]:
            yield finding(
                "ensemble-field",
                config.name,
                f"no {field} on an ensemble",
                f"{field}",
                "Move it to the composing models.",
            )


def _steps(config: pb.ModelConfig) -> Iterator[Finding]:
    steps = config.ensemble_scheduling.step
    if config.HasField("ensemble_scheduling") and not steps:
        yield finding("ensemble-step", config.name, "at least one step", "none", "Write the steps.")
    for index, step in enumerate(steps):
        for field in ("model_name", "input_map", "output_map"):
            if not getattr(step, field):
                yield finding(
                    "ensemble-step",
                    config.name,
                    f"a {field} in step {index} ({step.model_name or 'without a model'})",
                    "none",
                    f"Write its {field}, or remove the step.",
                )


def _models(
    config: pb.ModelConfig, configs: Configs, versions: Versions, open_models: Set[str]
) -> Iterator[Finding]:
    for step in config.ensemble_scheduling.step:
        name, version = step.model_name, step.model_version
        if not name:
            continue
        if name not in configs:
            yield finding(
                "unknown-model",
                config.name,
                f"models among {listed(set(configs) - {config.name})}",
                f"'{name}'",
                "Correct the step's model_name, or add the model.",
            )
            continue
        served = versions.get(name)
        if version != -1 and (version < 1 if served is None else version not in served):
            yield finding(
                "model-version",
                config.name,
                f"model_version -1 (the newest), or one that is served, in the step of '{name}'",
                "none, which means 0" if version == 0 else str(version),
                "Write model_version: -1.",
            )
        limit = configs[name].max_batch_size
        if name not in open_models and limit != 0 and limit < config.max_batch_size:
            yield finding(
                "batch-size",
                config.name,
                f"a max_batch_size of {config.max_batch_size} or more, or 0, in '{name}'",
                str(limit),
                f"Raise max_batch_size of '{name}', or lower the ensemble's to {limit}.",
            )


def _maps(config: pb.ModelConfig, configs: Configs, open_models: Set[str]) -> Iterator[Finding]:
    optional = {tensor.name for tensor in config.input if tensor.optional}
    for step in config.ensemble_scheduling.step:
        if step.model_name not in configs:
            continue
        name, model = step.model_name, configs[step.model_name]
        inputs = {tensor.name: tensor for tensor in model.input}
        outputs = {tensor.name for tensor in model.output}
        for rule, role, keys, known in (
            ("unknown-input", "input", step.input_map, set(inputs)),
            ("unknown-output", "output", step.output_map, outputs),
        ):
            for key in () if name in open_models else sorted(set(keys) - known):
                yield finding(
                    rule,
                    config.name,
                    f"{role}s of '{name}' among {listed(known)}",
                    f"'{key}'",
                    f"Correct the key of the {role}_map.",
                    tensor=keys[key],
                )
        for key in sorted(inputs):
            if key not in step.input_map and not inputs[key].optional:
                yield finding(
                    "unmapped-input",
                    config.name,
                    f"a tensor for input '{key}' of '{name}'",
                    "none",
                    "Map one to it, or make the input optional.",
                    tensor=key,
                )
            elif step.input_map.get(key) in optional and not inputs[key].optional:
                yield finding(
                    "optional-input",
                    config.name,
                    f"optional inputs mapped to optional ones; '{key}' of '{name}' is required",
                    "optional: true",
                    "Make both optional or neither: a request without it fails.",
                    tensor=step.input_map[key],
                )


def _labels(config: pb.ModelConfig, configs: Configs) -> Iterator[Finding]:
    """Tensors that different decoupled models set off may not meet, in a step or in the outputs.

    A decoupled step gives its outputs a label of its own; any other step hands on its inputs'.
    """
    origin: dict[str, str] = {tensor.name: "" for tensor in config.input}
    for index, step in running_order(config):
        sources = {origin[name] for name in step.input_map.values()}
        if len(sources) > 1:
            yield _fan_in(config, f"the inputs of '{step.model_name}'", sources)
        label = max(sources)
        if has_decoupled(step.model_name, configs):
            label = f"{step.model_name} (step {index})"
        for name in step.output_map.values():
            origin.setdefault(name, label)
    sources = {origin[tensor.name] for tensor in config.output if tensor.name in origin}
    if len(sources) > 1:
        yield _fan_in(config, "the ensemble's outputs", sources)


def _fan_in(config: pb.ModelConfig, what: str, sources: Set[str]) -> Finding:
    names = ", ".join(sorted(source or "the request itself" for source in sources))
    return finding(
        "decoupled-fan-in",
        config.name,
        f"{what} all to come from one decoupled model, or all from none",
        names,
        "Let the decoupled model echo the other tensors, split the ensemble in two, or use BLS.",
    )


def _cache(config: pb.ModelConfig, configs: Configs) -> Iterator[Finding]:
    """Triton marks an ensemble over a decoupled model as decoupled, whatever its config says."""
    written = is_decoupled(config)
    if config.response_cache.enable and not written and has_decoupled(config.name, configs):
        yield finding(
            "response-cache",
            config.name,
            "no response cache with a decoupled step",
            "response_cache { enable: true }",
            "Switch the response cache off.",
        )


def _recursion(config: pb.ModelConfig, configs: Configs) -> Iterator[Finding]:
    trail = [config.name]
    seen: set[str] = set()
    waiting = [[config.name]]
    while waiting:
        trail = waiting.pop()
        inner = configs.get(trail[-1], config if trail[-1] == config.name else None)
        if inner is None:
            continue
        for step in inner.ensemble_scheduling.step:
            if step.model_name == config.name:
                yield finding(
                    "ensemble-recursion",
                    config.name,
                    "steps that do not lead back to the ensemble",
                    " -> ".join((*trail, config.name)),
                    "Take the ensemble out of its own steps.",
                )
                return
            if step.model_name not in seen:
                seen.add(step.model_name)
                waiting.append([*trail, step.model_name])


def _refusals(config: pb.ModelConfig, configs: Configs) -> Iterator[Finding]:
    """Steps that run side by side, and may be refused one by one: seen to end 24.10's server."""
    order = running_waves(config)
    if sum(map(len, order)) < len(config.ensemble_scheduling.step):
        return  # check_flow says what is wrong
    for wave in order:
        for model in sorted(
            {step.model_name for _, step in wave} & configs.keys() if wave[1:] else ()
        ):
            if is_bounded(configs[model]):
                beside = len(wave) - 1
                yield finding(
                    "wave-queue",
                    config.name,
                    f"no bound on the queue of '{model}', which has {beside} steps beside it",
                    "a bound: when it refuses one of them, Triton 24.10 ends with signal 11",
                    "Drop the bound of its queue, and bound a model that runs alone before it.",
                )
