"""The page's tables: ratios, steps, and every leg with its figures or its reason."""

from __future__ import annotations

from collections.abc import Iterator

from perf.judge.modes import name_of
from perf.judge.ratios import Cell, against, cell, clear, nothing, reading, rows, variant
from perf.judge.selection import concurrencies, order
from perf.judge.verdict import LOADER_NAMES
from perf.judge.words import number
from perf.report.breakdown import FIELDS, Breakdown
from perf.report.figures.time import splits
from perf.report.markup import esc, group, row, swatch, table
from perf.result import LegResult, Result

PERCENTS = (50, 90, 95, 99)


def ratio_table(result: Result) -> str:
    """The ensemble's ratios; differences that the interval shows are bold."""
    loads, found = rows(result)
    if not found:
        return f"<p>{nothing(result)}</p>"
    head = [against(result), "driven by", *(f"p50 at<br/>{esc(load)}" for load in loads)]
    head.append(f"throughput at<br/>{esc(loads[-1])}")
    body = []
    for each in found:
        cells = "".join(_ratio(estimate) for estimate in (*each.p50, each.throughput))
        loader = LOADER_NAMES[each.loader]
        body.append(
            f'<tr><th scope="row">{esc(each.label)}</th><td class="text">{loader}</td>{cells}</tr>'
        )
    return f"{table(head, body)}<p>{reading(result)}</p>"


def _ratio(found: Cell) -> str:
    css = ' class="sure"' if clear(found) else ""
    value, _, interval = cell(found).partition(" (")
    small = f" <small>({interval}</small>" if interval else ""
    return f"<td{css}><b>{value}</b>{small}</td>"


def step_table(result: Result) -> str:
    """Each step's calls and time by kind, for each mode, at the lowest concurrency."""
    loads = concurrencies(result)
    found = splits(result, loads[0]) if loads else None
    if found is None:
        return ""
    head = ["step", "calls a request", *(f"{kind}, ms" for kind in FIELDS), "together, ms"]
    body: list[str] = []
    for mode, each in found[1].items():
        body.append(group(swatch(result, mode), len(head)))
        body.extend(_steps(each))
    return (
        f"<details><summary>By step and kind, at {esc(loads[0])}</summary>"
        f"{table(head, body)}</details>"
    )


def _steps(each: Breakdown) -> Iterator[str]:
    for model, kinds in each.steps.items():
        values = [each.calls[model], *kinds.values(), sum(kinds.values())]
        yield row(esc(model), [number(value) for value in values])


def leg_table(result: Result) -> str:
    """Every leg, by loader and load: its figures, or why it has none."""
    head = ["mode", "tensors", "rounds", "requests"]
    head += [
        *(f"p{percent}, ms" for percent in PERCENTS),
        "spread<br/>of p50",
        "requests<br/>a second",
    ]
    head.append("errors")
    body, last = [], None
    for each in sorted(result.legs, key=lambda leg: order(leg.leg)):
        title = f"{each.leg.load}, driven by {LOADER_NAMES[each.leg.loader]}"
        if title != last:
            body.append(group(esc(title), len(head)))
            last = title
        body.append(_leg(result, each))
    errors = [each for each in result.legs if each.errors]
    told = "".join(_first_error(result, each) for each in errors)
    return table(head, body) + (f"<h3>First errors</h3><ul>{told}</ul>" if told else "")


def _leg(result: Result, each: LegResult) -> str:
    doubt = result.doubt(each)
    answered = sum(len(measured.latencies_ms) for measured in each.rounds)
    start = (
        f'<tr><th scope="row">{swatch(result, each.leg.mode)}</th>'
        f'<td class="text">{esc(variant(each.leg))}</td>'
        f"<td>{len(each.rounds)}</td><td>{answered:,}</td>"
    )
    if doubt is not None:
        return f'{start}<td class="why" colspan="6">no figure: {esc(doubt)}</td>{_errors(each)}'
    cells = [number(each.percentile(percent)) for percent in PERCENTS]
    cells += [f"±{each.spread:.1%}", number(each.throughput)]
    return f"{start}{''.join(f'<td>{value}</td>' for value in cells)}{_errors(each)}"


def _errors(each: LegResult) -> str:
    return f"<td>{each.errors:,}</td></tr>"


def _first_error(result: Result, each: LegResult) -> str:
    found = (measured.first_error for measured in each.rounds if measured.first_error)
    said = next(found, "no sentence came with it")
    return (
        f"<li>{esc(name_of(result, each.leg.mode).label)}, {esc(each.leg.load)}: {esc(said)}</li>"
    )
