"""Whether the ensemble is worth it, in one sentence; the ratios are in the table."""

from __future__ import annotations

from typing import Literal

from perf.judge.estimate import Estimate
from perf.judge.modes import MODES, name_of
from perf.judge.selection import Comparison, comparisons, concurrencies, find, loaders, modes
from perf.judge.words import listing, number, short
from perf.result import Load, Loader, Mode, Result

LOADER_NAMES: dict[Loader, str] = {
    "perf_analyzer": "perf_analyzer",
    "loader": "the kit's loader",
}
ALTERNATIVES: tuple[Mode, ...] = ("services", "services-kserve", "chained", "bls")
"""What could take an ensemble's place; the first that has a figure decides the verdict."""

State = Literal["gain", "loss", "unclear"]


def verdict(result: Result) -> str:
    """One sentence: is the ensemble better than the first of :data:`ALTERNATIVES`, and by how much.

    It tells the p50 latency at the lowest concurrency that has a comparison, and the throughput at
    the highest one. A difference counts if the 95 % interval of its ratio leaves out one.
    """
    loads = concurrencies(result)
    low = next((load for load in loads if any(comparisons(result, load))), None)
    if low is None:
        return f"No verdict: {_why_none(result, loads)}."
    found = list(comparisons(result, low))
    head = min(found, key=_importance)
    far = next((each for each in comparisons(result, loads[-1]) if each.mode == head.mode), None)
    tail = far if loads[-1] != low else None
    ours = name_of(result, "ensemble").phrase
    said = f"{ours.capitalize()} {_opening(head, tail)}: {_latency_said(head)} at {low}"
    if tail:
        said += f", and its throughput {_throughput_said(tail)} at {tail.load}"
    missing = _missing(result, head)
    return f"{said}{f'; there is no figure for {listing(missing)}' if missing else ''}."


def _why_none(result: Result, loads: list[Load]) -> str:
    name = name_of(result, "ensemble").phrase
    if "ensemble" not in modes(result):
        return f"{name} was not measured"
    if not loads:
        return "no leg ran at a fixed concurrency"
    ours = (find(result, "ensemble", load, by) for load in loads for by in loaders(result))
    doubts = [result.doubt(each) for each in ours if each]
    reason = next((each for each in doubts if each), None)
    if reason is not None and None not in doubts:
        return f"{name} has no figure ({short(reason, 200).rstrip('.')})"
    return f"no other mode has a figure under the same load and loader as {name}"


def _importance(comparison: Comparison) -> int:
    ranks = {mode: rank for rank, mode in enumerate(ALTERNATIVES)}
    return ranks.get(comparison.mode, len(ranks))


def _missing(result: Result, head: Comparison) -> list[str]:
    """Alternatives that were to decide and have no figure."""
    present = modes(result)
    ahead = ALTERNATIVES[: _importance(head)]
    return [MODES[mode].phrase for mode in ahead if mode in present]


def _state(speed: Estimate) -> State:
    """Of a ratio that is above one if the ensemble is better."""
    if not speed.known or not speed.excludes_one:
        return "unclear"
    return "gain" if speed.low > 1 else "loss"


def _latency(comparison: Comparison) -> State:
    p50 = comparison.p50
    return _state(Estimate(1 / p50.value, 1 / p50.high, 1 / p50.low if p50.low else float("inf")))


def _opening(head: Comparison, tail: Comparison | None) -> str:
    """What a sentence says of the ensemble first."""
    if head.mode not in ALTERNATIVES:
        return f"was compared with {MODES[head.mode].phrase} alone"
    states = {head.load: _latency(head)}
    if tail:
        states[tail.load] = _state(tail.throughput)
    gains, losses = (
        [str(load) for load, state in states.items() if state == wanted]
        for wanted in ("gain", "loss")
    )
    if gains and losses:
        return f"is worth it at {gains[0]} and not at {losses[0]}"
    if losses:
        return "is not worth it here"
    if not gains:
        return "makes no measurable difference here"
    return f"is worth it {'here' if len(gains) == len(states) else f'at {gains[0]}'}"


def _latency_said(comparison: Comparison) -> str:
    p50, other = comparison.p50.value, f"that of {MODES[comparison.mode].phrase}"
    if _latency(comparison) == "unclear":
        return f"its p50 latency does not differ measurably from {other}"
    if p50 >= 2:
        return f"its p50 latency is {number(p50)} times {other}"
    return f"its p50 latency is {_percent(p50)} {'lower' if p50 < 1 else 'higher'} than {other}"


def _throughput_said(comparison: Comparison) -> str:
    throughput = comparison.throughput.value
    if _state(comparison.throughput) == "unclear":
        return "does not differ measurably"
    if throughput >= 2:
        return f"is {number(throughput)} times as high"
    return f"is {_percent(throughput)} {'lower' if throughput < 1 else 'higher'}"


def _percent(ratio: float) -> str:
    """How far a ratio is from one."""
    share = abs(ratio - 1)
    return f"{share * 100:.0f} %" if share >= 0.01 else "less than 1 %"
