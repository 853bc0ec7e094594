"""The report as one HTML file that needs nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

import yaml
from pydantic_core import to_jsonable_python

from perf.judge.modes import labels, name_of
from perf.judge.selection import LOADERS
from perf.judge.verdict import LOADER_NAMES, verdict
from perf.judge.words import listing, number, plural
from perf.report.canvas import Drawing, svgs
from perf.report.markup import esc, pairs, section
from perf.report.style import css
from perf.report.tables import leg_table, ratio_table, step_table
from perf.result import LegResult, Loader, Result


def page(result: Result, drawings: Mapping[str, Drawing]) -> str:
    """The whole file; well-formed XML as well, so that any parser reads it.

    Args:
        drawings: by name: latency, throughput, time, variants, profile, start.
    """
    sections = {
        "ratios": ("Ratios", ratio_table(result)),
        "latency": ("Latency", figure(drawings["latency"])),
        "throughput": ("Throughput against latency", figure(drawings["throughput"])),
        "time": ("Where the time goes", figure(drawings["time"]) + step_table(result)),
        "variants": ("Protocol and shared memory", figure(drawings["variants"])),
        "profile": ("CPU and memory", figure(drawings["profile"])),
        "start": ("Cold start", figure(drawings["start"])),
        "legs": ("Every leg", leg_table(result)),
        "machine": ("Machine and software", pairs(_machine(result))),
        "scenario": ("Scenario", f"<pre>{_scenario(result)}</pre>"),
    }
    links = "".join(f'<a href="#{name}">{title}</a>' for name, (title, _) in sections.items())
    body = "\n".join(section(name, title, text) for name, (title, text) in sections.items())
    pipeline = esc(result.pipeline)
    asked = f"is {name_of(result, 'ensemble').phrase} worth it?"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f"<title>{pipeline}: {asked}</title>\n<style>{css()}</style></head>\n"
        f"<body><main><header><h1><b>{pipeline}</b>: {asked} Measured "
        f"{esc(_when(result.started))}.</h1>\n"
        f'<p class="verdict">{esc(verdict(result))}</p>\n'
        f"{_notes(result)}<nav>{links}</nav></header>\n{body}\n</main></body></html>\n"
    )


def figure(drawing: Drawing) -> str:
    """A drawing's panels in as many columns as there is room for."""
    if not drawing.panels:
        return f"<p>{esc(drawing.absent)}</p>"
    panels = "".join(f"<div>{svg}</div>" for svg in svgs(drawing))
    caption = f"<figcaption>{esc(drawing.caption)}</figcaption>"
    return f'<figure><div class="panels">{panels}</div>{caption}</figure>'


def _notes(result: Result) -> str:
    """What a reader must know before the figures."""
    notes = []
    if result.unfinished is not None:
        notes.append(("warn", f"The run ended early: {result.unfinished}"))
    legs = {by: [e for e in result.legs if e.leg.loader == by] for by in LOADERS}
    if not any(each.rounds for each in legs["perf_analyzer"]):
        text = "perf_analyzer drove no leg of this run; the figures are the kit's own loader's."
        why = next((each.failure for each in legs["perf_analyzer"] if each.failure), None)
        notes.append(("warn", f"{text} It failed: {why}" if why else text))
    drove = [said for by, its in legs.items() if (said := _drove(result, by, its))]
    if drove:
        notes.append(("", f"Legs are compared only under one loader: {listing(drove)}."))
    without = sum(result.doubt(each) is not None for each in result.legs)
    if without:
        many = f"{without} of {plural(len(result.legs), 'leg')} without a figure"
        notes.append(("warn", f"{many}; the table of every leg says why."))
    return "".join(f'<p class="note {kind}">{esc(text)}</p>\n' for kind, text in notes)


def _drove(result: Result, loader: Loader, legs: list[LegResult]) -> str:
    counts = Counter(each.leg.mode for each in legs if each.rounds)
    its = [f"{label} {counts[mode]}" for mode, label in labels(result).items() if mode in counts]
    drove = f"{LOADER_NAMES[loader]} drove {plural(counts.total(), 'leg')} ({', '.join(its)})"
    return drove if its else ""


def _machine(result: Result) -> dict[str, str]:
    machine = result.machine
    return {
        "system": machine.system,
        "processor": f"{machine.processor}, {machine.cores} cores",
        "memory": f"{number(machine.memory_gib)} GiB",
        "GPUs": ", ".join(machine.gpus) or "none",
        "load before the run": number(machine.load_before),
        "repository's digest": result.repository or "not known: it has no manifest",
        "widest spread with a figure": f"±{result.spread_limit:.0%}",
    } | result.software


def _scenario(result: Result) -> str:
    values = to_jsonable_python(result.scenario)
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=90)
    return "\n".join(_indent(line) + esc(line) for line in text.splitlines())


def _when(started: str) -> str:
    try:
        return f"{datetime.fromisoformat(started).astimezone(UTC):%d %B %Y, %H:%M} UTC"
    except (ValueError, OverflowError):
        return started


def _indent(line: str) -> str:
    """The blanks before it, which :func:`esc` would take away."""
    return line[: len(line) - len(line.lstrip(" "))]
