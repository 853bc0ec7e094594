"""How models are served: queues, batching, instances, warm-up, versions, as Triton names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class QueuePolicy:
    """``ModelQueuePolicy``: what happens to requests that have to wait.

    Attributes:
        max_size: requests that may wait before further ones are refused; 0 is unbounded.
        timeout_microseconds: the longest wait; 0 is without end.
        timeout_action: REJECT answers UNAVAILABLE, DELAY moves it behind all others.
        allow_timeout_override: a request may shorten its own wait.
    """

    max_size: int = 64
    timeout_microseconds: int = 0
    timeout_action: Literal["REJECT", "DELAY"] = "REJECT"
    allow_timeout_override: bool = False


LATER_STEP = QueuePolicy(max_size=0)
"""For a quick model behind the one where requests wait: the bound is on that one.

Before release 26.08, a bound on a model of one instance makes a single request wait for half a
second.
"""

SIDE_BY_SIDE = QueuePolicy(max_size=0)
"""For a model that stands in several steps of an ensemble, which run at the same time.

Triton 24.10 ends (signal 11) where a full queue refuses one of such steps. So the bound is on the
step where requests wait.
"""

CALLED_BY_STAGES = QueuePolicy(max_size=0)
"""For a model that stages call: their instances are few, and requests wait before them."""

ONE_THREAD: Mapping[str, str] = {"intra_op_thread_count": "1"}
"""The onnxruntime backend's parameter by which an instance computes on one core."""


@dataclass(frozen=True, kw_only=True)
class DynamicBatching:
    """``ModelDynamicBatching``: requests joined into one execution.

    Attributes:
        preferred_sizes: batch sizes that are sent at once, in 1..max_batch_size.
        max_queue_delay_microseconds: how long to wait for a preferred size.
        preserve_ordering: answer in the order of arrival.
        priority_levels: 1 is the highest; 0 is none.
        default_priority_level: the level of a request without one.
        priority_queues: a queue policy for single levels.
    """

    preferred_sizes: tuple[int, ...] = ()
    max_queue_delay_microseconds: int = 0
    preserve_ordering: bool = False
    priority_levels: int = 0
    default_priority_level: int = 0
    priority_queues: Mapping[int, QueuePolicy] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SequenceBatching:
    """``ModelSequenceBatching``, strategy "oldest": a sequence's requests go, in order, to one
    instance.

    A sequence begins with a request that bears the start flag, and ends with one that bears the
    end flag or when nothing came for the idle time. Such a model has no bound on its queue: more
    sequences than the instances hold wait for a place. A client that leaves keeps its place for the
    idle time, so there are many places. The model's parameter ``maximum_sequences`` bounds how many
    states are kept. Beyond that, a sequence that was not used for five seconds gives way; if there
    is none, the new one is answered with UNAVAILABLE.

    Attributes:
        max_candidate_sequences: how many sequences may be open at once on an instance.
        max_sequence_idle_microseconds: how long a sequence is kept without a request.
        preferred_sizes: batch sizes that are sent at once, in 1..max_batch_size.
        max_queue_delay_microseconds: how long to wait for a preferred size.
    """

    max_candidate_sequences: int = 4096
    max_sequence_idle_microseconds: int = 30_000_000
    preferred_sizes: tuple[int, ...] = ()
    max_queue_delay_microseconds: int = 0


@dataclass(frozen=True, kw_only=True)
class InstanceGroup:
    """``ModelInstanceGroup``: how many copies run, and where."""

    count: int = 1
    kind: Literal["KIND_CPU", "KIND_GPU", "KIND_MODEL"] = "KIND_CPU"
    gpus: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class WarmupInput:
    """One input of a warm-up request: zeros, random data, or a file in the ``warmup`` folder."""

    shape: tuple[int, ...]
    data: Literal["zero", "random"] | str = "zero"


@dataclass(frozen=True, kw_only=True)
class Warmup:
    """``ModelWarmup``: a request that Triton runs before the model is ready."""

    name: str
    inputs: Mapping[str, WarmupInput]
    batch_size: int = 1
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class VersionPolicy:
    """``ModelVersionPolicy``: the numbered folders that are served.

    Those of ``specific``, if it names any; otherwise the ``latest`` newest, and with 0 all.
    """

    latest: int = 1
    specific: tuple[int, ...] = ()
