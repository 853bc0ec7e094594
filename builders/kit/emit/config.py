"""From the graph to ``ModelConfig`` protobufs and config.pbtxt, and back.

A config written here is complete: every input and output with full dims, ``max_batch_size``,
instance counts, the version policy, the model's file name, and ``model_version: -1`` on each step
of an ensemble, so that Triton has nothing left to guess.

**Batching.** Triton adds the batch axis to the dims of a model whose ``max_batch_size`` is above
0, so such a model's tensors are written without their first axis. A tensor that has no other axis
becomes ``dims: [1] reshape { shape: [] }``.

**Queues.** The bound and the timeout of a queue are part of ``dynamic_batching``, and hold for
models that do not batch too: a server of 24.10 refuses the overload of a model with
``max_batch_size: 0`` with UNAVAILABLE "Exceeds maximum queue size". So every bounded model has
``dynamic_batching``, but for one with ``sequence_batching``, which takes its place and has no
bound. A batching model that shall not join requests gets the preferred batch size
1, which sends each one alone. An ensemble has no queue of its own: its composing models' hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePath

from google.protobuf import text_format
from google.protobuf.message import Message

from builders.kit.graph import (
    Ensemble,
    Model,
    OnnxModel,
    PlanModel,
    PythonModel,
    QueuePolicy,
    SequenceBatching,
    Tensor,
    WarmupInput,
    wire,
)
from builders.kit.graph.bls import BlsModel
from repository.config import reason
from repository.config.bytes import NoText, readable
from repository.config.lines import parsed_lines
from repository.config.proto import pb
from repository.copied.sequence_state import END, START
from repository.files.bounded_file import Unreadable, open_regular
from repository.release import Release

FILE_NAME = "config.pbtxt"

LARGEST_CONFIG = 16 << 20
"""Bytes; one of a thousand tensors and steps has a hundredth of it."""

CALLS = "calls"
"""The parameter that names the models that a Python-backend model calls, with commas between."""


class ConfigError(ValueError):
    """A config.pbtxt that is no ``ModelConfig``; the text says where, expected and found.

    Attributes:
        line: the line of the mistake, counted from 1; 0 where it has none.
        expected: what should be there.
        found: what is there.
        unknown_field: whether that is a field which no known release has.
    """

    def __init__(
        self,
        where: str,
        line: int,
        found: str,
        *,
        expected: str = "a ModelConfig as text",
        unknown_field: bool = False,
    ) -> None:
        place = f"{where}:{line}" if line else where
        super().__init__(f"{place}: expected {expected}, found {found}")
        self.line = line
        self.expected = expected
        self.found = found
        self.unknown_field = unknown_field


def model_config(model: Model, release: Release) -> pb.ModelConfig:
    """The config of a model, as the release understands it.

    Fields that the release does not know are left out; :func:`repository.check.check.check_graph`
    names them. Mistakes of the graph are written as they are, for the same check to find.
    """
    config = complete_config(model)
    for message, field in list(unknown_fields(config, release)):
        message.ClearField(field)
    return config


def complete_config(model: Model) -> pb.ModelConfig:
    """The config of a model with every field that it asks for, whatever the release."""
    config = pb.ModelConfig(name=model.name, max_batch_size=model.max_batch_size)
    _describe_kind(model, config)
    _describe_versions(model, config)
    for tensor in model.inputs:
        _describe_tensor(tensor, model, config.input.add(optional=tensor.optional))
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


def _describe_kind(model: Model, config: pb.ModelConfig) -> None:
    match model:
        case OnnxModel():
            config.backend = "onnxruntime"
            config.platform = "onnxruntime_onnx"
            config.default_model_filename = "model.onnx"
        case PlanModel():
            config.backend = "tensorrt"
            config.platform = "tensorrt_plan"
            config.default_model_filename = "model.plan"
        case PythonModel():
            config.backend = "python"
            config.default_model_filename = "model.py"
            config.parameters["stage"].string_value = model.stage.rpartition(".")[2]
            _describe_calls(model, config)
        case BlsModel():
            config.backend = "python"
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
    if model.needs:
        config.parameters[CALLS].string_value = ",".join(each.name for each in model.needs)


def called(config: pb.ModelConfig) -> tuple[str, ...]:
    """The models that a model's own code calls, as its config declares them."""
    value = config.parameters[CALLS].string_value if CALLS in config.parameters else ""
    return tuple(filter(None, value.split(",")))


def needed(config: pb.ModelConfig) -> tuple[str, ...]:
    """The models that a model's requests run: those of an ensemble's steps, and :func:`called`."""
    steps = (step.model_name for step in config.ensemble_scheduling.step)
    return tuple(dict.fromkeys((*steps, *called(config))))


def file_input(config: pb.ModelConfig) -> str | None:
    """The first input that can hold an encoded file, UINT8 [-1]; None if there is none."""
    for tensor in config.input:
        if tensor.data_type == pb.TYPE_UINT8 and list(tensor.dims) == [-1]:
            return str(tensor.name)
    return None


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
    batching = model.max_batch_size > 0
    dims = tensor.shape[1:] if batching else tensor.shape
    if batching and len(tensor.shape) == 1:
        dims = (1,)
        entry.reshape.SetInParent()
    entry.dims.extend(dims)


def _describe_queue(model: Model, config: pb.ModelConfig) -> None:
    batching = model.batching
    if isinstance(model, Ensemble):
        return
    if isinstance(model, PythonModel) and model.sequences is not None:
        _describe_sequences(model.sequences, config.sequence_batching)
        if batching is None:
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


def unknown_fields(message: Message, release: Release) -> Iterator[tuple[Message, str]]:
    """Each set field that the release does not know, with the message that holds it."""
    for field, value in message.ListFields():
        if f"{message.DESCRIPTOR.name}.{field.name}" in release.unknown_fields:
            yield message, field.name
        elif field.message_type is None or not field.message_type.fields:
            continue
        elif field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].message_type is not None:
                for key in sorted(value):
                    yield from unknown_fields(value[key], release)
        elif field.is_repeated:
            for member in value:
                yield from unknown_fields(member, release)
        else:
            yield from unknown_fields(value, release)


def to_text(config: pb.ModelConfig) -> str:
    """The config as the text of a config.pbtxt.

    ``max_batch_size`` is written even where it is 0, which protobuf leaves out: to Triton's
    auto-complete a missing value is an invitation.

    Raises:
        AssertionError: the text does not read back as the same config.
    """
    head = pb.ModelConfig()
    head.CopyFrom(config)
    tail = pb.ModelConfig()
    if not config.max_batch_size:
        tail.CopyFrom(config)
        for field, _ in config.ListFields():
            (tail if field.number < _BATCH_SIZE_NUMBER else head).ClearField(field.name)
    text = _print(head) + ("" if config.max_batch_size else "max_batch_size: 0\n") + _print(tail)
    if parse(text.encode(), config.name) != config:
        raise AssertionError(f"the config of '{config.name}' does not read back as it was printed")
    return text


_BATCH_SIZE_NUMBER: int = pb.ModelConfig.DESCRIPTOR.fields_by_name["max_batch_size"].number


def _print(message: Message) -> str:
    return str(text_format.MessageToString(message, as_utf8=True))


def parse(text: bytes, where: str, *, skip_unknown: bool = False) -> pb.ModelConfig:
    """The config that a text describes.

    Args:
        text: the content of a config.pbtxt.
        where: what to call it in an error.
        skip_unknown: read over fields that no known Triton release has.

    Raises:
        ConfigError: it is no ``ModelConfig``.
    """
    try:
        lines, numbers = parsed_lines(readable(text))
        made = pb.ModelConfig()
        return text_format.Parse("\n".join(lines), made, allow_unknown_field=skip_unknown)
    except NoText as error:
        raise ConfigError(where, error.line, str(error)) from None
    except text_format.ParseError as error:
        line = error.GetLine()
        said = str(error)
        raise ConfigError(
            where,
            numbers[line - 1] if line else 0,
            reason.found(said),
            unknown_field=reason.UNKNOWN_FIELD in said,
        ) from None
    except RecursionError:
        raise ConfigError(where, 0, "messages that are nested too deeply") from None
    except (ValueError, OverflowError) as error:
        raise ConfigError(where, 0, reason.found(str(error))) from None


def read_config(path: Path) -> pb.ModelConfig:
    """The config in a file.

    Raises:
        ConfigError: it is no ``ModelConfig``, or no file.
        OSError: it cannot be read.
    """
    where = PurePath(path.parent.name, path.name).as_posix()
    try:
        with open_regular(path) as file:
            text = file.read(LARGEST_CONFIG + 1)
    except Unreadable as error:
        raise ConfigError(where, 0, error.found, expected=error.expected) from None
    if len(text) > LARGEST_CONFIG:
        raise ConfigError(where, 0, f"more than {LARGEST_CONFIG:,} bytes")
    return parse(text, where)
