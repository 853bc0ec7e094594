"""Whether the ensemble pays, in one sentence of ratios."""

from __future__ import annotations

from typing import Literal

from perf.judge.estimate import Estimate
from perf.judge.modes import MODES
from perf.judge.selection import Comparison, comparisons, concurrencies, find, loaders, modes
from perf.judge.words import listing, ratio, short
from perf.result import Load, Loader, Mode, Result

LOADER_NAMES: dict[Loader, str] = {
    "perf_analyzer": "perf_analyzer",
    "loader": "the kit's loader",
}
ALTERNATIVES: tuple[Mode, ...] = ("services", "services-kserve", "chained", "bls")
"""What an ensemble could be replaced by; the first that was measured decides the verdict."""

MATERIAL = 0.05
"""The highest concurrency is mentioned when its ratio differs by this share from the lowest's."""

State = Literal["gain", "loss", "unclear"]


def verdict(result: Result) -> str:
    """One sentence: the ensemble against every other mode, each pair under the same loader.

    At the lowest concurrency that has a comparison, and where it differs materially at the highest.
    A difference counts when the 95 % interval of its ratio leaves out one.
    """
    loads = concurrencies(result)
    low = next((load for load in loads if any(comparisons(result, load))), None)
    if low is None:
        return f"No verdict: {_why_none(result, loads)}."
    found = list(comparisons(result, low))
    head = min(found, key=_importance)
    parts = [f"{_against(found, head)} at {low}"]
    far = next((each for each in comparisons(result, loads[-1]) if each.mode == head.mode), None)
    tail = far if far and loads[-1] != low and _differs(head, far) else None
    if tail:
        parts.append(_at_highest(head, tail))
    missing = [MODES[mode].phrase for mode in modes(result) if mode not in _seen(found)]
    if missing:
        parts.append(f"no figure there for {listing(missing)}")
    return f"{_opening(head, tail)}: {'; '.join(parts)}."


def _why_none(result: Result, loads: list[Load]) -> str:
    if "ensemble" not in modes(result):
        return "the ensemble was not measured"
    if not loads:
        return "no leg ran at a fixed concurrency"
    ours = (find(result, "ensemble", load, by) for load in loads for by in loaders(result))
    doubts = [result.doubt(each) for each in ours if each]
    reason = next((each for each in doubts if each), None)
    if reason is not None and None not in doubts:
        return f"the ensemble has no figure ({short(reason, 200).rstrip('.')})"
    return "no other mode has a figure under the same load and loader as the ensemble"


def _importance(comparison: Comparison) -> int:
    ranks = {mode: rank for rank, mode in enumerate(ALTERNATIVES)}
    return ranks.get(comparison.mode, len(ranks))


def _seen(found: list[Comparison]) -> set[Mode]:
    return {"ensemble", *(each.mode for each in found)}


def _state(speed: Estimate) -> State:
    """Of a ratio that is above one when the ensemble is better."""
    if not speed.known or not speed.excludes_one:
        return "unclear"
    return "gain" if speed.low > 1 else "loss"


def _latency(comparison: Comparison) -> State:
    p50 = comparison.p50
    return _state(Estimate(1 / p50.value, 1 / p50.high, 1 / p50.low if p50.low else float("inf")))


def _differs(low: Comparison, high: Comparison) -> bool:
    if _latency(low) != _state(high.throughput):
        return True
    return abs(high.throughput.value * low.p50.value - 1) > MATERIAL


def _opening(head: Comparison, tail: Comparison | None) -> str:
    states = [_latency(head)] + ([_state(tail.throughput)] if tail else [])
    if head.mode not in ALTERNATIVES or "loss" not in states:
        return "ensemble"
    if "gain" not in states:
        return "the ensemble does not pay here"
    where = head if states[0] == "loss" else tail
    assert where is not None
    return f"the ensemble does not pay at {where.load}"


def _against(found: list[Comparison], head: Comparison) -> str:
    """Each other mode's ratio of p50, grouped by loader; the deciding mode's group comes first."""
    ranked = sorted(found, key=lambda each: (each.loader != head.loader, _importance(each)))
    groups: dict[Loader, list[Comparison]] = {}
    for each in ranked:
        groups.setdefault(each.loader, []).append(each)
    return f"p50 {', '.join(_group(by, its, head) for by, its in groups.items())}"


def _group(loader: Loader, its: list[Comparison], head: Comparison) -> str:
    """Those of one loader; the ones that the run could not tell apart share their words."""
    said = [_p50(each, first=each is head) for each in its if _latency(each) != "unclear"]
    level = [_unclear(each) for each in its if _latency(each) == "unclear"]
    if level:
        shown = f"no measurable difference from {listing(level)}"
        said.insert(0 if head in its and _latency(head) == "unclear" else len(said), shown)
    return f"{', '.join(said)} ({LOADER_NAMES[loader]})"


def _unclear(comparison: Comparison) -> str:
    p50 = comparison.p50
    interval = f", {ratio(p50.low)} to {ratio(p50.high)}" if p50.known else ""
    return f"{MODES[comparison.mode].phrase} ({ratio(p50.value)}{interval})"


def _p50(comparison: Comparison, first: bool) -> str:
    p50, other = comparison.p50, MODES[comparison.mode].phrase
    if not first:
        return f"{ratio(p50.value)} of {other}"
    if _latency(comparison) == "gain":
        return f"{ratio(1 / p50.value)} times faster than {other}"
    return f"{ratio(p50.value)} times that of {other}"


def _at_highest(low: Comparison, high: Comparison) -> str:
    value, other = ratio(high.throughput.value), MODES[high.mode].phrase
    loader = "" if high.loader == low.loader else f" ({LOADER_NAMES[high.loader]})"
    match _state(high.throughput):
        case "gain":
            said = f"throughput {value} times that of {other}"
        case "loss":
            said = f"throughput only {value} of {other}"
        case "unclear":
            said = f"no measurable difference in throughput from {other} ({value})"
    return f"at {high.load} {said}{loader}"
