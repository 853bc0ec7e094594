"""Which legs the gate compares, and in which figures.

Each leg is taken relative to a reference leg under the same load and the same loader: the run in
process if there is one, which serving cannot change; otherwise the ensemble. An ensemble that is
the reference is itself compared with a leg with a gateway or a client: otherwise its slowing would
look like the others' gain.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from perf.judge.estimate import What
from perf.result import Leg, LegResult, Mode, Result

P99_REQUESTS = 200
"""Answered requests in every round from which a p99 is compared: two are then beyond it. With fewer
than 100 requests it would be the slowest one."""

PARTNERS: tuple[Mode, ...] = ("services", "services-kserve", "chained", "bls")
"""What an ensemble that is the reference is held against: the first of them that was measured."""


class Key(NamedTuple):
    """What makes legs on two machines the same."""

    mode: Mode
    load: str
    loader: str
    protocol: str
    shared_memory: str


Legs = Mapping[Key, LegResult]
"""The legs of one result."""


def legs_of(result: Result) -> dict[Key, LegResult]:
    """The legs of one result by what they have in common with those of another."""
    return {_key(each.leg): each for each in result.legs}


def _key(leg: Leg) -> Key:
    """A rate that was set as a share of the ensemble's throughput is that share."""
    load = leg.load
    at = f"{load.kind} {load.value:g}" if load.share is None else f"share {load.share:g}"
    return Key(leg.mode, at, leg.loader, leg.protocol, leg.shared_memory)


def absent(leg: LegResult | None) -> str | None:
    """Why a leg has no figure at all. An unsteady leg has one: its interval says how unsteady."""
    if leg is None:
        return "it was not measured"
    if leg.failure:
        return leg.failure
    latencies = [value for each in leg.rounds for value in each.latencies_ms]
    if not latencies:
        return "no request was answered"
    if not all(0 < value < math.inf for value in latencies):
        return "not all of its latencies are finite and above zero"
    return None


def reference_of(key: Key, legs: Legs) -> Key | None:
    """The leg that another is compared with; None for the run in process, which has none."""
    same = sorted(
        (
            other
            for other, leg in legs.items()
            if (other.load, other.loader) == (key.load, key.loader) and not absent(leg)
        ),
        # Plain gRPC stands for the mode; its variants are held against it.
        key=lambda other: (other.protocol == "http", other.shared_memory != "none"),
    )
    of_mode = {other.mode: other for other in reversed(same)}
    reference = of_mode.get("in-process") or of_mode.get("ensemble")
    if reference == key or reference is None:
        partners = () if key.mode == "in-process" else PARTNERS
        return next((of_mode[m] for m in partners if m in of_mode and of_mode[m] != key), None)
    return reference


def figures_of(leg: Leg, involved: Sequence[LegResult], then: Legs) -> Iterator[What]:
    """Which figures of a leg are worth comparing. Throughput is at the highest concurrency only:
    at a given rate of arrivals it says nothing, at concurrency one nothing new."""
    yield "p50"
    if all(len(each.latencies_ms) >= P99_REQUESTS for found in involved for each in found.rounds):
        yield "p99"
    highest = max(
        (
            each.leg.load.value
            for each in then.values()
            if each.leg.load.kind == "concurrency" and each.leg.loader == leg.loader
        ),
        default=None,
    )
    if leg.load.kind == "concurrency" and leg.load.value == highest:
        yield "throughput"
