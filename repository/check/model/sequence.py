"""Rules on sequence batching: its control tensors, sizes and slots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from repository.check.rules import finding
from repository.config.facts import is_sequence
from repository.config.proto import pb
from repository.findings import Finding

_CORRELATION_TYPES = (
    pb.TYPE_UINT64,
    pb.TYPE_INT64,
    pb.TYPE_UINT32,
    pb.TYPE_INT32,
    pb.TYPE_STRING,
)


def check_sequence(config: pb.ModelConfig) -> Iterator[Finding]:
    """Findings about ``sequence_batching``."""
    if not is_sequence(config):
        return
    for expected, found, remedy, tensor in _mistakes(config):
        yield finding("sequence-batching", config.name, expected, found, remedy, tensor=tensor)


def sizes_expected(largest: int) -> str:
    """What is expected of preferred batch sizes, in words."""
    if largest < 1:
        return "no preferred sizes, as max_batch_size is 0"
    return f"preferred sizes from 1 to {largest}"


def _mistakes(config: pb.ModelConfig) -> Iterator[tuple[str, str, str, str]]:
    batching = config.sequence_batching
    kind_name = pb.ModelSequenceBatching.Control.Kind.Name
    kinds: Counter[pb.ModelSequenceBatching.Control.Kind.ValueType] = Counter()
    for name, count in Counter(control.name for control in batching.control_input).items():
        if not name:
            yield "a name for every control_input", "none", "Give it a name.", ""
        elif count > 1:
            yield "one control_input of a name", str(count), "Join their controls.", name
    for entry in batching.control_input:
        for control in entry.control:
            kinds[control.kind] += 1
            values = [
                list(pair)
                for pair in (
                    control.int32_false_true,
                    control.fp32_false_true,
                    control.bool_false_true,
                )
                if len(pair)
            ]
            if control.kind == pb.ModelSequenceBatching.Control.CONTROL_SEQUENCE_CORRID:
                if values:
                    yield (
                        "no false and true values for CORRID",
                        str(values),
                        "Remove them.",
                        (entry.name),
                    )
                if control.data_type not in _CORRELATION_TYPES:
                    yield (
                        "an integer of 32 or 64 bits, or TYPE_STRING, for CORRID",
                        pb.DataType.Name(control.data_type),
                        "Write one of those data types.",
                        entry.name,
                    )
            elif len(values) != 1 or len(values[0]) != 2:
                yield (
                    f"one pair of false and true values for {kind_name(control.kind)}",
                    str(values),
                    "Write one of int32_false_true, fp32_false_true and bool_false_true.",
                    entry.name,
                )
    for kind, count in kinds.items():
        if count > 1:
            yield (
                f"one control of kind {kind_name(kind)}",
                str(count),
                "Remove the others.",
                "",
            )
    for size in batching.oldest.preferred_batch_size:
        if not 1 <= size <= config.max_batch_size:
            yield (
                sizes_expected(config.max_batch_size),
                str(size),
                "Choose a size that the model can run.",
                "",
            )
    share = batching.direct.minimum_slot_utilization
    if not 0.0 <= share <= 1.0:
        yield "minimum_slot_utilization from 0 to 1", str(share), "Write a share of the slots.", ""
