"""Which settings are worth a try, and which must not be.

Settings come in blocks, each laid out around the best that the block before has found: first
instances with threads, which compete for the same cores, then batch sizes, then the queue's delay.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from perf.tune.settings import Settings, apply
from repository.check.model.config import check_model
from repository.check.serving import check_service
from repository.config.proto import pb
from repository.findings import Finding
from repository.release import Release

CROWD = 2
"""Threads of all instances for each core, above which nothing is tried unless asked. More than one,
since a request that waits for another's tensors leaves its core idle."""

STAGE_INSTANCES = 4
"""Instances for each core of a model that is not known to compute all the time."""

DELAYS = (0, 500, 2000)
"""Microseconds of queue delay, from none to a good part of what a small model takes."""


@dataclass(frozen=True)
class Bounds:
    """What limits the settings of one model.

    Attributes:
        under_way: the most calls of the model at a time; more instances than that idle.
        rows: the most rows of one request, for a model that batches.
        cores: of this machine.
        crowded: tries more threads than the cores can carry, too.
    """

    under_way: int
    rows: int = 1
    cores: int = 0
    crowded: bool = False

    def __post_init__(self) -> None:
        if not self.cores:
            object.__setattr__(self, "cores", len(os.sched_getaffinity(0)))


Block = Callable[[Settings], list[Settings]]
"""The best so far -> settings around it, the likeliest first."""


def blocks(present: Settings, bounds: Bounds) -> list[Block]:
    """The blocks for a model with these present settings, without empty ones."""
    found: list[Block] = []
    if present.instances is not None or present.threads is not None:
        found.append(lambda best: list(_copies(best, bounds)))
    if present.batching is not None:
        found.append(lambda best: list(_batches(best, bounds)))
        found.append(lambda best: list(_delays(best, bounds)))
    return found


def _copies(best: Settings, bounds: Bounds) -> Iterator[Settings]:
    """Instances and threads, all combinations that the cores can carry."""
    counts = [None] if best.instances is None else _steps(bounds.under_way)
    threads = [None] if best.threads is None else _steps(bounds.cores)
    pairs = [(c, t) for c in counts for t in threads if _fits(c, t, bounds)]
    # Nearest to all cores in use first: the budget may end before the list does.
    pairs.sort(key=lambda pair: abs(_load(pair[0], pair[1], bounds) / bounds.cores - 1))
    for count, number in pairs:
        yield replace(best, instances=count, threads=number)


def _fits(count: int | None, threads: int | None, bounds: Bounds) -> bool:
    limit = STAGE_INSTANCES if threads is None else CROWD
    return bounds.crowded or _load(count, threads, bounds) <= limit * bounds.cores


def _load(count: int | None, threads: int | None, bounds: Bounds) -> int:
    each = 1 if threads is None else threads or bounds.cores
    return (count or 1) * each


def _batches(best: Settings, bounds: Bounds) -> Iterator[Settings]:
    """Requests are joined into batches as large as so many can fill, or not joined.

    A max_batch_size is never lowered: it also bounds what one request may bring, to any client.
    """
    present = best.max_batch_size or 1
    filled = bounds.under_way * bounds.rows
    larger = {2**n for n in range(filled.bit_length()) if 2**n > present}
    for size in sorted({present, *larger}):
        yield replace(best, max_batch_size=size, batching=True)
    yield replace(best, batching=False, preferred_sizes=(), delay_microseconds=0)


def _delays(best: Settings, bounds: Bounds) -> Iterator[Settings]:
    """How long to wait for a full batch, or for any."""
    if not best.batching or best.max_batch_size is None:
        return
    full = min(best.max_batch_size, bounds.under_way * bounds.rows)
    for delay in DELAYS:
        yield replace(best, preferred_sizes=(), delay_microseconds=delay)
        if delay:
            yield replace(best, preferred_sizes=(full,), delay_microseconds=delay)


def _steps(limit: int) -> list[int]:
    """1, 2, 3, 4, 6, 8, 12 and so on up to a limit, and the limit."""
    doubled = [first * 2**n for first in (1, 3) for n in range(limit.bit_length())]
    return sorted({n for n in doubled if n <= limit} | {limit})


def objections(config: pb.ModelConfig, settings: Settings, release: Release) -> list[str]:
    """What the repository's check says of the config with the settings, and not without them."""
    known = {(each.rule, each.tensor) for each in _findings(config, release)}
    return [
        f"the check says [{each.rule}] expected {each.expected}, found {each.found}"
        for each in _findings(apply(config, settings), release)
        if (each.rule, each.tensor) not in known
    ]


def _findings(config: pb.ModelConfig, release: Release) -> list[Finding]:
    return [*check_model(config, release), *check_service(config, release)]
