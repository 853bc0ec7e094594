"""What is read around one measurement: the servers' statistics, and what the processes used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from perf.compare.legs.target import Effort, Target
from perf.errors import LegFailed
from perf.measure.accounting import Accounting, Snapshot, server_ms, steps
from perf.measure.usage import Usage, replaced, uses
from perf.result import Leg, ProcessUse, Round


def measure(target: Target, leg: Leg, number: int, effort: Effort) -> Round:
    """One measurement of a leg, and where its time went.

    Args:
        target: the leg's mode.
        leg: which.
        number: the round.
        effort: how much.

    Raises:
        PerfError: it could not be made, or a process of the mode ended meanwhile.
    """
    accounting, usage = Accounting(target.models), Usage(target.processes(leg))
    counts, used = accounting.snapshot(), usage.snapshot()
    sample = target.sample(leg, effort)
    used_after, counts_after = usage.snapshot(), accounting.snapshot()
    ended = replaced(used, used_after)
    if ended:
        raise LegFailed(f"a process of {' and of '.join(ended)} ended during the measurement")
    requests = _requests(target, counts, counts_after) or effort.count + effort.warmup
    children = "client" if leg.loader == "perf_analyzer" else None
    entry = target.entry
    return Round(
        number=number,
        latencies_ms=sample.latencies_ms,
        seconds=sample.seconds,
        errors=sample.errors,
        first_error=sample.first_error,
        server_ms=server_ms(counts, counts_after, entry) if entry else None,
        steps=steps(_without(counts, entry), _without(counts_after, entry), requests),
        processes=_told(uses(used, used_after, requests, children=children), leg),
    )


def _told(found: Sequence[ProcessUse], leg: Leg) -> tuple[ProcessUse, ...]:
    """Without the memory of a client, whose process also holds what runs in process."""
    if leg.mode == "in-process":
        return tuple(found)
    none = {"resident_mib": 0.0, "proportional_mib": 0.0}
    return tuple(use.model_copy(update=none) if use.part == "client" else use for use in found)


def _requests(target: Target, before: Snapshot, after: Snapshot) -> int:
    """How many requests the entry counted, which with perf_analyzer are more than were asked."""
    if target.entry is None:
        return 0
    earlier, later = before[target.entry], after[target.entry]
    return (later.success + later.fail) - (earlier.success + earlier.fail)


def _without(snapshot: Snapshot, entry: str | None) -> dict[str, Any]:
    return {model: counts for model, counts in snapshot.items() if model != entry}
