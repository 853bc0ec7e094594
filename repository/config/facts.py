"""Every question asked of a config, once."""

from __future__ import annotations

from collections.abc import Mapping

from repository.config.proto import pb

ENSEMBLE = "ensemble"
"""The platform of an ensemble."""

PYTHON = "python"
ONNXRUNTIME = "onnxruntime"
"""Backends."""

_CPU_DEFAULT = 2
_TWO_ON_A_CPU = {"onnxruntime", "tensorflow", "onnxruntime_onnx"} | {
    f"tensorflow_{format}" for format in ("graphdef", "savedmodel")
}
"""Backends and platforms that get two instances on a CPU if the config has no count."""

CALLS = "calls"
"""The parameter that names the models that a Python-backend model calls, with commas between."""


def called(config: pb.ModelConfig) -> tuple[str, ...]:
    """The models that a model's own code calls, as its config declares them."""
    value = config.parameters[CALLS].string_value if CALLS in config.parameters else ""
    return tuple(filter(None, value.split(",")))


def composing(config: pb.ModelConfig) -> tuple[str, ...]:
    """The models of an ensemble's steps, in their order, each once."""
    return tuple(dict.fromkeys(step.model_name for step in config.ensemble_scheduling.step))


def needed(config: pb.ModelConfig) -> tuple[str, ...]:
    """The models that a model's requests run: those of an ensemble's steps, and :func:`called`."""
    return tuple(dict.fromkeys((*composing(config), *called(config))))


def tensors_of(config: pb.ModelConfig) -> tuple[pb.ModelInput | pb.ModelOutput, ...]:
    """The inputs, then the outputs."""
    return (*config.input, *config.output)


def file_input(config: pb.ModelConfig) -> str | None:
    """The first input that can hold an encoded file, UINT8 [-1]; None if no input can."""
    for tensor in config.input:
        if tensor.data_type == pb.TYPE_UINT8 and list(tensor.dims) == [-1]:
            return str(tensor.name)
    return None


def is_ensemble(config: pb.ModelConfig) -> bool:
    """Whether Triton runs it as an ensemble."""
    return bool(config.platform == ENSEMBLE or config.HasField("ensemble_scheduling"))


def is_python(config: pb.ModelConfig) -> bool:
    """Whether the Python backend runs it."""
    return bool(config.backend == PYTHON)


def is_onnx(config: pb.ModelConfig) -> bool:
    """Whether the onnxruntime backend runs it, which its platform tells where none is written."""
    return bool((config.backend or config.platform) in (ONNXRUNTIME, f"{ONNXRUNTIME}_onnx"))


def runs_python(config: pb.ModelConfig) -> bool:
    """Whether a part of its backend that is written in Python runs it, as PyTorch's may."""
    return bool(config.runtime == "model.py")


def is_sequence(config: pb.ModelConfig) -> bool:
    """Whether its requests belong to sequences."""
    return bool(config.HasField("sequence_batching"))


def is_decoupled(config: pb.ModelConfig) -> bool:
    """Whether it says of itself that it may answer a request more or less than once."""
    return bool(config.model_transaction_policy.decoupled)


def has_decoupled(name: str, configs: Mapping[str, pb.ModelConfig]) -> bool:
    """Whether a model is decoupled, or any that an ensemble runs: Triton derives it for one."""
    waiting, seen = [name], {name}
    while waiting:
        config = configs.get(waiting.pop())
        if config is None:
            continue
        if not is_ensemble(config):
            if is_decoupled(config):
                return True
            continue
        for step in composing(config):
            if step not in seen:
                seen.add(step)
                waiting.append(step)
    return False


def is_bounded(config: pb.ModelConfig) -> bool:
    """Whether requests that wait can be refused; that also switches the prefetching off."""
    batching = config.dynamic_batching
    policy = batching.default_queue_policy
    return bool(
        policy.max_queue_size
        or policy.default_timeout_microseconds
        or policy.allow_timeout_override
        or batching.priority_levels
    )


def instances(config: pb.ModelConfig, *, passive: bool = True, gpus: int = 0) -> int:
    """How many instances Triton makes of a model.

    Args:
        config: the model's config; an ensemble has no instances.
        passive: whether to count instances that are loaded and never serve a request.
        gpus: how many GPUs the server has. Groups without a kind, or without ``gpus``, go by them.
    """
    if is_ensemble(config):
        return 0
    groups = config.instance_group or [pb.ModelInstanceGroup()]
    return sum(
        count_on_each(config, group, gpus) * _devices(group, gpus)
        for group in groups
        if passive or not group.passive
    )


def count_on_each(config: pb.ModelConfig, group: pb.ModelInstanceGroup, gpus: int = 0) -> int:
    """How many instances a group makes on each device: without a count 1, or 2 of some backends
    on a CPU.

    Args:
        config: the model's config.
        group: one of its instance groups.
        gpus: how many GPUs the server has, which decides about groups without a kind.
    """
    if group.count > 0:
        return int(group.count)
    on_cpu = group.kind == pb.ModelInstanceGroup.KIND_CPU or (
        group.kind == pb.ModelInstanceGroup.KIND_AUTO and not gpus and not group.gpus
    )
    doubled = bool({config.backend, config.platform} & _TWO_ON_A_CPU)
    return _CPU_DEFAULT if on_cpu and doubled else 1


def _devices(group: pb.ModelInstanceGroup, gpus: int) -> int:
    if group.kind in (pb.ModelInstanceGroup.KIND_CPU, pb.ModelInstanceGroup.KIND_MODEL):
        return 1
    return len(group.gpus) or max(1, gpus)
