"""From the graph to ``ModelConfig`` protobufs.

A config written here is complete: every input and output with full dims, ``max_batch_size``,
instance counts, the version policy, the model's file name, and ``model_version: -1`` on each step
of an ensemble, so Triton has nothing to guess.

**Batching.** Triton adds the batch axis to the dims of a model whose ``max_batch_size`` is above
0, so such a model's tensors are written without their first axis. A tensor that has no other axis
becomes ``dims: [1] reshape { shape: [] }``.

**Queues.** The bound and the timeout of a queue are part of ``dynamic_batching``, and work for
models that do not batch too: a server of 24.10 refuses the overload of a model with
``max_batch_size: 0`` with UNAVAILABLE "Exceeds maximum queue size". So every bounded model has
``dynamic_batching``. The exceptions are a model with ``sequence_batching``, which takes its place
and has no bound, and a streamed one, whose requests do not wait before its engine. A batching model
that should not join requests gets the preferred batch size 1, which sends each one alone. An
ensemble has no queue of its own: the queues of its composing models count.
"""

from __future__ import annotations

from collections.abc import Iterable

from builders.kit.graph import (
    Ensemble,
    GivenModel,
    Model,
    OnnxModel,
    PlanModel,
    PythonModel,
    QueuePolicy,
    SequenceBatching,
    Tensor,
    WarmupInput,
    calls_of,
    wire,
)
from builders.kit.graph.bls import BlsModel
from repository.config.facts import CALLS, PYTHON
from repository.config.proto import pb
from repository.copied.sequence_state import END, START


def model_config(model: Model) -> pb.ModelConfig:
    """The config of a model with every field that it asks for.

    Mistakes of the graph are written as they are, and fields that a release does not know, for
    :func:`builders.kit.emit.check.check_graph` to find.
    """
    config = pb.ModelConfig(name=model.name, max_batch_size=model.max_batch_size)
    _describe_kind(model, config)
    _describe_versions(model, config)
    for tensor in model.inputs:
        ragged = isinstance(model, GivenModel) and tensor.name in model.ragged
        added = config.input.add(optional=tensor.optional, allow_ragged_batch=ragged)
        _describe_tensor(tensor, model, added)
    for tensor in model.outputs:
        _describe_tensor(tensor, model, config.output.add())
    for group in model.instances:
        config.instance_group.add(
            count=group.count,
            kind=pb.ModelInstanceGroup.Kind.Value(group.kind),
            gpus=group.gpus,
        )
    _describe_queue(model, config)
    for key, value in model.parameters.items():
        config.parameters[key].string_value = value
    for warmup in model.warmup:
        entry = config.model_warmup.add(
            name=warmup.name, batch_size=warmup.batch_size, count=warmup.count
        )
        for name, sample in warmup.inputs.items():
            _describe_warmup(name, sample, model, entry.inputs[name])
    if model.response_cache:
        config.response_cache.enable = True
    if model.decoupled or (
        isinstance(model, Ensemble) and any(part.decoupled for part in model.composing())
    ):
        config.model_transaction_policy.decoupled = True
    return config


def configs_of(models: Iterable[Model]) -> dict[str, pb.ModelConfig]:
    """The config of each model, by its name."""
    return {model.name: model_config(model) for model in models}


def _describe_kind(model: Model, config: pb.ModelConfig) -> None:
    match model:
        case OnnxModel():
            config.backend = "onnxruntime"
            config.platform = "onnxruntime_onnx"
            config.default_model_filename = "model.onnx"
            if model.operators:
                config.model_operations.op_library_filename.extend(model.operators)
        case PlanModel():
            config.backend = "tensorrt"
            config.platform = "tensorrt_plan"
            config.default_model_filename = "model.plan"
        case GivenModel():
            config.backend = model.backend
            if model.backend == PYTHON:
                config.default_model_filename = "model.py"
        case PythonModel():
            config.backend = PYTHON
            config.default_model_filename = "model.py"
            config.parameters["stage"].string_value = model.stage.rpartition(".")[2]
            _describe_calls(model, config)
        case BlsModel():
            config.backend = PYTHON
            config.default_model_filename = "model.py"
            _describe_calls(model, config)
        case Ensemble():
            config.platform = "ensemble"
            config.ensemble_scheduling.SetInParent()
            for wiring in wire(model):
                step = config.ensemble_scheduling.step.add(
                    model_name=wiring.model, model_version=-1
                )
                step.input_map.update(wiring.inputs)
                step.output_map.update(wiring.outputs)


def _describe_calls(model: Model, config: pb.ModelConfig) -> None:
    if called := calls_of(model):
        config.parameters[CALLS].string_value = ",".join(called)


def _describe_versions(model: Model, config: pb.ModelConfig) -> None:
    policy = model.versions
    if policy.specific:
        config.version_policy.specific.versions.extend(policy.specific)
    elif policy.latest:
        config.version_policy.latest.num_versions = policy.latest
    else:
        config.version_policy.all.SetInParent()


def _describe_tensor(tensor: Tensor, model: Model, entry: pb.ModelInput | pb.ModelOutput) -> None:
    entry.name = tensor.name
    entry.data_type = pb.DataType.Value(tensor.dtype.config_name)
    if model.max_batch_size > 0 and len(tensor.shape) == 1:
        entry.reshape.SetInParent()
    entry.dims.extend(model.dims(tensor))


def _describe_queue(model: Model, config: pb.ModelConfig) -> None:
    batching = model.batching
    if isinstance(model, Ensemble):
        return
    if isinstance(model, PythonModel) and model.sequences is not None:
        _describe_sequences(model.sequences, config.sequence_batching)
        if batching is None:
            return
    if isinstance(model, PythonModel) and model.streamed and batching is None:
        return
    bounded = _queue_policy(model.queue)
    if batching is None and bounded == pb.ModelQueuePolicy():
        return
    target = config.dynamic_batching
    target.SetInParent()
    if bounded != pb.ModelQueuePolicy():
        target.default_queue_policy.CopyFrom(bounded)
    if batching is None:
        if model.max_batch_size > 0:
            target.preferred_batch_size.append(1)
        return
    target.preferred_batch_size.extend(batching.preferred_sizes)
    target.max_queue_delay_microseconds = batching.max_queue_delay_microseconds
    target.preserve_ordering = batching.preserve_ordering
    target.priority_levels = batching.priority_levels
    target.default_priority_level = batching.default_priority_level
    for level, policy in batching.priority_queues.items():
        target.priority_queue_policy[level].CopyFrom(_queue_policy(policy))


def _describe_sequences(sequences: SequenceBatching, target: pb.ModelSequenceBatching) -> None:
    target.max_sequence_idle_microseconds = sequences.max_sequence_idle_microseconds
    target.oldest.max_candidate_sequences = sequences.max_candidate_sequences
    target.oldest.preferred_batch_size.extend(sequences.preferred_sizes)
    target.oldest.max_queue_delay_microseconds = sequences.max_queue_delay_microseconds
    for name, kind in (
        (START, pb.ModelSequenceBatching.Control.CONTROL_SEQUENCE_START),
        (END, pb.ModelSequenceBatching.Control.CONTROL_SEQUENCE_END),
    ):
        target.control_input.add(name=name).control.add(kind=kind, bool_false_true=(False, True))


def _queue_policy(policy: QueuePolicy) -> pb.ModelQueuePolicy:
    return pb.ModelQueuePolicy(
        timeout_action=pb.ModelQueuePolicy.TimeoutAction.Value(policy.timeout_action),
        default_timeout_microseconds=policy.timeout_microseconds,
        allow_timeout_override=policy.allow_timeout_override,
        max_queue_size=policy.max_size,
    )


def _describe_warmup(
    name: str, sample: WarmupInput, model: Model, entry: pb.ModelWarmup.Input
) -> None:
    for tensor in model.inputs:
        if tensor.name == name:
            entry.data_type = pb.DataType.Value(tensor.dtype.config_name)
    entry.dims.extend(sample.shape)
    if sample.data == "zero":
        entry.zero_data = True
    elif sample.data == "random":
        entry.random_data = True
    else:
        entry.input_data_file = sample.data
