"""Rules on numbers that no machine can mean: Triton takes them, and then waits, or ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from repository.check.rules import finding
from repository.config.facts import instances, is_sequence, tensors_of
from repository.config.proto import pb
from repository.findings import Finding

LARGEST_TENSOR = 2**40
"""Elements of a tensor's fixed axes; Triton multiplies sizes in 64 bits without looking."""

LARGEST_WARMUP = 2**31
"""Bytes of a warm-up sample, which are allocated and filled at each load."""

MOST_WARMUPS = 100_000
"""How often one warm-up sample is sent."""

MOST_SLOTS = 1_000_000
"""Slots of a sequence batcher, which are made at load."""

LONGEST_DELAY = 60_000_000
"""Microseconds for which a batch may be waited for."""

_LARGEST_ELEMENT = 8


def check_limits(config: pb.ModelConfig) -> Iterator[Finding]:
    """Findings about sizes and counts beyond any use."""
    yield from _tensors(config)
    yield from _warmups(config)
    yield from _queues(config)
    yield from _sequences(config)


def _tensors(config: pb.ModelConfig) -> Iterator[Finding]:
    sized: list[tuple[str, Sequence[int]]] = [
        (tensor.name, tensor.dims) for tensor in tensors_of(config)
    ]
    for state in config.sequence_batching.state:
        sized.append((state.input_name, state.dims))
        sized += [(initial.name, initial.dims) for initial in state.initial_state]
    for name, dims in sized:
        elements = prod(dim for dim in dims if dim > 0)
        if elements > LARGEST_TENSOR:
            yield finding(
                "tensor-size",
                config.name,
                f"at most {LARGEST_TENSOR} elements in the fixed axes of a tensor",
                f"dims {_shown(dims)}",
                "Correct the sizes; an axis of unknown size is -1.",
                tensor=name,
            )


def _warmups(config: pb.ModelConfig) -> Iterator[Finding]:
    for request in config.model_warmup:
        if request.batch_size == 0:
            continue
        # The backend gets all of a sample's requests at once. The Python backend ends the server if
        # they are more than a batch.
        most = {"count": MOST_WARMUPS, "batch_size": max(1, config.max_batch_size)}
        for field, limit in most.items():
            number = getattr(request, field)
            if number > limit:
                yield finding(
                    "warmup-size",
                    config.name,
                    f"at most {limit} in {field} of warm-up '{request.name}'",
                    str(number),
                    "Lower it: a model loads only when all its warm-up requests are answered.",
                )
        for name in sorted(request.inputs):
            dims = request.inputs[name].dims
            if prod(max(dim, 0) for dim in dims) * _LARGEST_ELEMENT > LARGEST_WARMUP:
                yield finding(
                    "warmup-size",
                    config.name,
                    f"at most {LARGEST_WARMUP} bytes in an input of warm-up '{request.name}'",
                    f"dims {_shown(dims)}",
                    "Write the sizes of a usual request: Triton allocates them at each load.",
                    tensor=name,
                )


def _queues(config: pb.ModelConfig) -> Iterator[Finding]:
    batching = config.dynamic_batching
    delays = {
        "dynamic_batching": batching.max_queue_delay_microseconds,
        "sequence_batching.oldest": config.sequence_batching.oldest.max_queue_delay_microseconds,
        "sequence_batching.direct": config.sequence_batching.direct.max_queue_delay_microseconds,
    }
    for where, delay in delays.items():
        if delay > LONGEST_DELAY:
            yield finding(
                "queue-delay",
                config.name,
                f"at most {LONGEST_DELAY} in max_queue_delay_microseconds of {where}",
                str(delay),
                "Lower it: a request waits so long for others to join.",
            )


def _sequences(config: pb.ModelConfig) -> Iterator[Finding]:
    batching = config.sequence_batching
    if not is_sequence(config):
        return
    slots = (
        batching.oldest.max_candidate_sequences
        if batching.HasField("oldest")
        else max(1, config.max_batch_size)
    )
    total = slots * max(1, instances(config, passive=False))
    if total > MOST_SLOTS:
        yield finding(
            "sequence-slots",
            config.name,
            f"at most {MOST_SLOTS} sequences at once, in all instances",
            str(total),
            "Lower max_candidate_sequences, or max_batch_size with the direct strategy.",
        )


def _shown(dims: Sequence[int]) -> str:
    return str(list(dims[:8])) + ("…" if len(dims) > 8 else "")
