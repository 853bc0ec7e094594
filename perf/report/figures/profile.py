"""CPU time and memory by part, cold starts and model loads."""

from __future__ import annotations

from perf.judge.modes import labels
from perf.judge.selection import common, concurrencies, models
from perf.judge.verdict import LOADER_NAMES
from perf.report.breakdown import median, uses
from perf.report.canvas import Drawing
from perf.report.figures.grouped import Bar, grouped
from perf.result import Mode, Result

ABSENT = "This was not measured."
TOTAL = "all parts"
ORDER = (TOTAL, "client", "gateway", "server")
"""The parts that come first; stubs follow in the order of the steps."""


def profile(result: Result) -> Drawing:
    """CPU time for one request and memory, by part, at the lowest concurrency."""
    loads, names = concurrencies(result), labels(result)
    found = common(result, loads[0]) if loads else None
    legs = found[1] if found else {}
    used = {mode: its for mode, leg in legs.items() if (its := uses(leg))}
    if found is None or not used:
        return Drawing("profile", "CPU and memory", "", ABSENT, ())
    cpu = {mode: {part: Bar(use.cpu_ms) for part, use in its.items()} for mode, its in used.items()}
    memory = {
        mode: {
            part: Bar(use.proportional_mib, use.resident_mib)
            for part, use in its.items()
            if use.resident_mib > 0
        }
        for mode, its in used.items()
    }
    for series in (cpu, memory):
        for bars in series.values():
            every = list(bars.values())
            bars[TOTAL] = Bar(sum(b.value for b in every), sum(b.beyond for b in every))
    parts = list(dict.fromkeys(part for bars in cpu.values() for part in bars))
    parts = _ordered(parts, [*ORDER, *models(result)])
    panels = (
        grouped("CPU time", parts, cpu, "ms of processor time for one request", names),
        grouped("Memory", parts, memory, "MiB: solid proportional, light resident", names),
    )
    caption = (
        f"At {loads[0]}, driven by {LOADER_NAMES[found[0]]}; medians over the rounds. A Python "
        "model's stubs stand under its name. Figures are proportional memory, which divides "
        "shared pages among the processes that map them. A client's memory is shown only if the "
        "pipeline runs in it."
    )
    return Drawing("profile", "CPU and memory", caption, ABSENT, panels)


def start(result: Result) -> Drawing:
    """From process start to ready, and what each model's load takes of it."""
    if not result.cold_starts:
        return Drawing("start", "Cold start", "", ABSENT, ())
    ready, names = "start to ready", labels(result)
    starts: dict[Mode, dict[str, Bar]] = {}
    loads: dict[Mode, dict[str, Bar]] = {}
    for each in result.cold_starts:
        if each.seconds:
            starts[each.mode] = {ready: _bar(each.seconds)}
        loads[each.mode] = {model: _bar(took) for model, took in each.load_seconds.items() if took}
    loads = {mode: bars for mode, bars in loads.items() if bars}
    panels = [grouped("Cold start", [ready], starts, "seconds", names)] if starts else []
    if loads:
        loaded = list(dict.fromkeys(model for bars in loads.values() for model in bars))
        ordered = _ordered(loaded, models(result))
        panels.append(grouped("Model loads", ordered, loads, "seconds", names))
    counts = sorted({len(each.seconds) for each in result.cold_starts})
    caption = (
        f"Medians over {' or '.join(map(str, counts))} starts; whiskers span the quickest and the "
        "slowest. Models may load side by side, so their times can add up to more than the start."
    )
    return Drawing("start", "Cold start", caption, ABSENT, tuple(panels))


def _ordered(names: list[str], order: list[str]) -> list[str]:
    """Those that the order knows first, as it has them."""
    known = set(names)
    return [name for name in order if name in known] + [n for n in names if n not in order]


def _bar(seconds: tuple[float, ...]) -> Bar:
    return Bar(median(seconds), span=(min(seconds), max(seconds)))
