"""Which legs of a result are drawn and compared with which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from perf.judge.estimate import Estimate, ratio
from perf.judge.modes import MODES
from perf.result import Leg, LegResult, Load, Loader, Mode, Result

LOADERS: tuple[Loader, ...] = get_args(Loader)
"""perf_analyzer first: where both measured, its figures are the ones to quote."""


@dataclass(frozen=True)
class Comparison:
    """The ensemble against one other mode, under the same load and loader.

    Attributes:
        p50: the ensemble's, divided by the other's: below one, the ensemble is faster.
        throughput: likewise: above one, the ensemble answers more.
    """

    mode: Mode
    load: Load
    loader: Loader
    p50: Estimate
    throughput: Estimate


def plain(leg: Leg) -> bool:
    """Whether tensors travel in the message, by gRPC or by no protocol at all."""
    return leg.protocol != "http" and leg.shared_memory == "none"


def order(leg: Leg) -> tuple[object, ...]:
    """Sorts legs for reading: by loader, kind of load, load, mode and variant."""
    return (
        LOADERS.index(leg.loader),
        leg.load.kind,
        leg.load.value,
        list(MODES).index(leg.mode),
        leg.protocol == "http",
        leg.shared_memory,
        leg.protocol,
    )


def find(result: Result, mode: Mode, load: Load, loader: Loader) -> LegResult | None:
    """The plain leg of this mode, measured or not, if the run had one."""
    wanted = (mode, load, loader)
    legs = (each for each in result.legs if plain(each.leg))
    return next((e for e in legs if (e.leg.mode, e.leg.load, e.leg.loader) == wanted), None)


def sound(result: Result, mode: Mode, load: Load, loader: Loader) -> LegResult | None:
    """The same, if it has a figure."""
    leg = find(result, mode, load, loader)
    return leg if leg and result.doubt(leg) is None else None


def modes(result: Result) -> list[Mode]:
    """The modes of the run, in the report's order."""
    present = {each.leg.mode for each in result.legs}
    return [mode for mode in MODES if mode in present]


def loaders(result: Result) -> list[Loader]:
    """The loaders of the run, perf_analyzer first."""
    present = {each.leg.loader for each in result.legs}
    return [loader for loader in LOADERS if loader in present]


def concurrencies(result: Result) -> list[Load]:
    """The fixed concurrencies of the run's plain legs, ascending."""
    loads = {each.leg.load for each in result.legs if plain(each.leg)}
    return sorted((x for x in loads if x.kind == "concurrency"), key=lambda each: each.value)


def models(result: Result) -> list[str]:
    """The pipeline's models in the order of its steps, as the statistics have them."""
    rounds = (measured for each in result.legs for measured in each.rounds)
    return list(dict.fromkeys(step.model for each in rounds for step in each.steps))


def compare(result: Result, mode: Mode, load: Load, loader: Loader) -> Comparison | None:
    """The ensemble against a mode, or None if either has no figure under this load and loader."""
    ours = sound(result, "ensemble", load, loader)
    theirs = sound(result, mode, load, loader)
    if ours is None or theirs is None:
        return None
    p50 = ratio(ours, theirs, "p50")
    throughput = ratio(ours, theirs, "throughput")
    if not (p50.value > 0 and throughput.value > 0):
        return None
    return Comparison(mode, load, loader, p50, throughput)


def comparisons(result: Result, load: Load) -> Iterator[Comparison]:
    """The ensemble against each other mode, once, under the first loader that has both."""
    for mode in modes(result):
        found = (compare(result, mode, load, loader) for loader in LOADERS)
        best = next((each for each in found if each), None)
        if best and mode != "ensemble":
            yield best


def common(result: Result, load: Load) -> tuple[Loader, dict[Mode, LegResult]] | None:
    """The loader under which the most modes have a figure at a load, and those legs.

    For figures that set modes side by side: a client's own share would otherwise differ.
    """
    choices = []
    for loader in LOADERS:
        legs = {mode: leg for mode in MODES if (leg := sound(result, mode, load, loader))}
        choices.append((loader, legs))
    best = max(choices, key=lambda choice: len(choice[1]))
    return best if best[1] else None
