"""Which legs a scenario has, and in which order a round runs them.

A ratio counts only between legs under one loader. perf_analyzer drives endpoints with a
ModelConfig, and :mod:`perf.measure.loader` the others. The ensemble and the services run under the
loader too, to be compared with those.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from perf.compare.legs.target import Effort
from perf.result import Leg, Load, Loader, Mode
from perf.scenario import Scenario

ANALYZABLE: tuple[Mode, ...] = ("ensemble", "fused", "bls", "services")
"""What perf_analyzer can drive."""

TURNS = 5
"""Requests of one measurement, at least, for each that is under way at once."""

ARRIVALS = 24
"""The least requests of one measurement if they arrive at a rate: with fewer, a queue has no time
to grow and to shrink again."""

TWINS: tuple[Mode, ...] = ("ensemble", "services")
"""What is measured under both loaders, and at request rates: the question itself."""


def legs_of(scenario: Scenario, *, analyzer: bool) -> list[Leg]:
    """Every leg except those of request rates, which have to be measured first.

    Args:
        scenario: what to measure.
        analyzer: whether there is a perf_analyzer; without it :mod:`perf.measure.loader` drives
            all.
    """
    legs: list[Leg] = []
    alone = [mode for mode in scenario.modes if mode not in ANALYZABLE]
    for concurrency in scenario.concurrency:
        load = Load(kind="concurrency", value=concurrency)
        legs += [_leg(mode, load, _loader(mode, analyzer)) for mode in scenario.modes]
        if analyzer and alone:
            legs += [_leg(mode, load, "loader") for mode in TWINS if mode in scenario.modes]
    if "ensemble" in scenario.modes:
        lowest = _leg(
            "ensemble",
            Load(kind="concurrency", value=min(scenario.concurrency)),
            _loader("ensemble", analyzer),
        )
        changes = {"http": {"protocol": "http"}, "shared-memory": {"shared_memory": "system"}}
        legs += [lowest.model_copy(update=changes[each]) for each in scenario.variants]
    return legs


def reference(scenario: Scenario, *, analyzer: bool) -> Leg | None:
    """The leg whose throughput the request rates are shares of, if any are wanted."""
    if "ensemble" not in scenario.modes or not scenario.request_rate:
        return None
    load = Load(kind="concurrency", value=max(scenario.concurrency))
    return _leg("ensemble", load, _loader("ensemble", analyzer))


def rate_legs(scenario: Scenario, throughput: float, *, analyzer: bool) -> list[Leg]:
    """The legs of Poisson arrivals: of the ensemble and of the services.

    Args:
        scenario: what to measure.
        throughput: the ensemble's own, in requests a second.
        analyzer: as in :func:`legs_of`.
    """
    return [
        _leg(
            mode,
            Load(kind="request_rate", value=share * throughput, share=share),
            _loader(mode, analyzer),
        )
        for share in scenario.request_rate
        for mode in scenario.modes
        if mode in TWINS
    ]


def effort(scenario: Scenario, leg: Leg, seed: int = 0) -> Effort:
    """How much one measurement of a leg is.

    The first and the last requests of a measurement run beside fewer others, so a higher
    concurrency gets more requests. All requests are sent equally often, in the warm-up too: the
    servers' statistics include the warm-up, so their means are over the same mixture.

    Args:
        scenario: has the least numbers.
        leg: which.
        seed: of arrival times.
    """
    concurrency = round(leg.load.value) if leg.load.kind == "concurrency" else 1
    least = TURNS * concurrency if leg.load.kind == "concurrency" else ARRIVALS
    count = max(scenario.count, least)
    warmup = max(scenario.warmup, concurrency) if scenario.warmup else 0
    cycle = len(scenario.requests)
    if cycle <= count:
        count, warmup = (-(-number // cycle) * cycle for number in (count, warmup))
    return Effort(count, warmup, scenario.timeout_seconds, seed)


def order(legs: Sequence[Leg], number: int, seed: int = 0) -> list[Leg]:
    """The legs in a round's own order, so that none always follows the same one.

    Args:
        legs: all of them.
        number: the round.
        seed: one seed always gives the same orders.
    """
    shuffled = list(legs)
    random.Random(f"{seed} {number}").shuffle(shuffled)
    return shuffled


def _loader(mode: Mode, analyzer: bool) -> Loader:
    return "perf_analyzer" if analyzer and mode in ANALYZABLE else "loader"


def _leg(mode: Mode, load: Load, loader: Loader) -> Leg:
    return Leg(
        mode=mode,
        load=load,
        loader=loader,
        protocol="none" if mode == "in-process" else "grpc",
    )
