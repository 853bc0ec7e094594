"""The result as CSV: a row a leg, and a row a leg and round. Units are in the columns' names."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping

from perf.judge.words import clean
from perf.report.breakdown import FIELDS
from perf.result import Leg, LegResult, Result, Round

PERCENTS = (50, 90, 95, 99)
Cells = Mapping[str, object]


def legs(result: Result) -> str:
    """A row a leg, in the run's order. A leg without a figure has its doubt instead."""
    return _written([_leg(each, result.doubt(each)) for each in result.legs])


def rounds(result: Result) -> str:
    """A row a leg and round, as measured, with the leg's doubt beside it."""
    rows = [
        _named(each.leg) | _round(measured) | {"doubt": clean(result.doubt(each) or "")}
        for each in result.legs
        for measured in each.rounds
    ]
    return _written(rows)


def _leg(each: LegResult, doubt: str | None) -> dict[str, object]:
    figures: dict[str, object] = {f"p{percent}_ms": "" for percent in PERCENTS}
    figures |= {"spread_of_p50_share": "", "throughput_per_s": ""}
    if doubt is None:
        figures = {f"p{percent}_ms": each.percentile(percent) for percent in PERCENTS}
        figures |= {"spread_of_p50_share": each.spread, "throughput_per_s": each.throughput}
    answered = sum(len(measured.latencies_ms) for measured in each.rounds)
    found = (measured.first_error for measured in each.rounds if measured.first_error)
    return (
        _named(each.leg)
        | {"rounds": len(each.rounds), "requests_answered": answered, "errors": each.errors}
        | figures
        | {"doubt": clean(doubt or ""), "first_error": clean(next(found, ""))}
    )


def _named(leg: Leg) -> dict[str, object]:
    swept = leg.load.kind == "concurrency"
    return {
        "mode": leg.mode,
        "concurrency": leg.load.value if swept else "",
        "request_rate_per_s": "" if swept else leg.load.value,
        "request_rate_share_of_ensemble": "" if leg.load.share is None else leg.load.share,
        "loader": leg.loader,
        "protocol": leg.protocol,
        "shared_memory": leg.shared_memory,
    }


def _round(each: Round) -> dict[str, object]:
    answered = bool(each.latencies_ms)
    sums: dict[str, object] = {
        f"steps_{kind.replace(' ', '_')}_us": sum(map(take, each.steps)) if each.steps else ""
        for kind, take in FIELDS.items()
    }
    used = each.processes
    return (
        {
            "round": each.number,
            "requests_answered": len(each.latencies_ms),
            "errors": each.errors,
            "seconds": each.seconds,
        }
        | {f"p{percent}_ms": each.percentile(percent) if answered else "" for percent in PERCENTS}
        | {
            "throughput_per_s": each.throughput,
            "server_ms": "" if each.server_ms is None else each.server_ms,
        }
        | sums
        | {
            "cpu_ms_per_request": sum(use.cpu_ms for use in used) if used else "",
            "resident_mib": sum(use.resident_mib for use in used) if used else "",
            "proportional_mib": sum(use.proportional_mib for use in used) if used else "",
            "first_error": clean(each.first_error or ""),
        }
    )


def _written(rows: Iterable[Cells]) -> str:
    every = list(rows)
    buffer = io.StringIO()
    if every:
        writer = csv.DictWriter(buffer, fieldnames=list(every[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(every)
    return buffer.getvalue()
