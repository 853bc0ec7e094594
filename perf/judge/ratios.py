"""The ensemble's ratios to everything else: one table, for the docs and for the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from perf.judge.estimate import Estimate, What, ratio
from perf.judge.modes import MODES, name_of
from perf.judge.selection import concurrencies, find, order, plain
from perf.judge.words import ratio as shown
from perf.result import Leg, LegResult, Load, Loader, Result

NO_FIGURE, NOT_RUN = "no figure", "not run"
Cell = Estimate | str
"""A ratio, or why there is none."""

LOADER_CODE: dict[Loader, str] = {
    "perf_analyzer": "perf_analyzer",
    "loader": "`perf.measure.loader`",
}


@dataclass(frozen=True)
class Row:
    """One comparison at every concurrency.

    Attributes:
        label: what the ensemble is compared with.
        loader: that both were driven by.
        p50: the ensemble's divided by the other's, one for each concurrency.
        throughput: likewise, at the highest concurrency.
    """

    label: str
    loader: Loader
    p50: tuple[Cell, ...]
    throughput: Cell


def rows(result: Result) -> tuple[list[Load], list[Row]]:
    """The concurrencies, and a row for each mode and loader, then for the ensemble's variants."""
    loads = concurrencies(result)
    legs = {each.leg: each for each in result.legs if each.leg.load in loads}
    others = [leg for leg in legs if plain(leg) == (leg.mode != "ensemble")]
    others.sort(key=lambda leg: (not plain(leg), list(MODES).index(leg.mode), order(leg)))
    kinds = dict.fromkeys(leg.model_copy(update={"load": loads[0]}) for leg in others)
    return loads, [_row(result, legs, kind, loads) for kind in kinds]


def _row(result: Result, legs: Mapping[Leg, LegResult], kind: Leg, loads: list[Load]) -> Row:
    """A mode, or a variant of the ensemble, whatever its load."""
    pairs = [
        (
            find(result, "ensemble", load, kind.loader),
            legs.get(kind.model_copy(update={"load": load})),
        )
        for load in loads
    ]
    label = name_of(result, kind.mode).label
    label = label if plain(kind) else f"{label}, {variant(kind)}"
    p50 = tuple(_cell(result, *pair, "p50") for pair in pairs)
    return Row(label, kind.loader, p50, _cell(result, *pairs[-1], "throughput"))


def _cell(result: Result, ours: LegResult | None, theirs: LegResult | None, what: What) -> Cell:
    if ours is None or theirs is None:
        return NOT_RUN
    if result.doubt(ours) is not None or result.doubt(theirs) is not None:
        return NO_FIGURE
    estimate = ratio(ours, theirs, what)
    return estimate if estimate.value > 0 else NO_FIGURE


def variant(leg: Leg) -> str:
    """How a leg's tensors travel."""
    if leg.protocol == "none":
        return "no protocol"
    names = {"grpc": "gRPC", "http": "HTTP"}
    memory = "" if leg.shared_memory == "none" else ", shared memory"
    return f"{names[leg.protocol]}{memory}"


def cell(value: Cell) -> str:
    """A ratio with its 95 % interval, or why there is none."""
    if isinstance(value, str):
        return value
    if not value.known:
        return f"{shown(value.value)} (spread not known)"
    return f"{shown(value.value)} ({shown(value.low)} to {shown(value.high)})"


def clear(value: Cell) -> bool:
    """Whether the interval leaves out one."""
    return isinstance(value, Estimate) and value.known and value.excludes_one


def against(result: Result) -> str:
    """The head of the column that says what the others are."""
    return f"{name_of(result, 'ensemble').phrase} against"


def reading(result: Result) -> str:
    """How the table is read."""
    ours = name_of(result, "ensemble").phrase
    return (
        f"Each figure is {ours}'s value divided by the other's, both from the same rounds, with "
        f"its 95 % interval. {ours.capitalize()} is better where p50 is below 1 and throughput is "
        "above 1. Bold: the interval leaves out 1, so the difference is unlikely to be chance."
    )


def nothing(result: Result) -> str:
    """What stands in place of an empty table."""
    ours = name_of(result, "ensemble").phrase
    return f"Nothing was measured that {ours} could be compared with."


def markdown(result: Result) -> str:
    """A table in Markdown: the ensemble's ratios, with intervals, and no absolute time.

    A difference is bold if the interval shows that there is one.
    """
    loads, table = rows(result)
    if not table:
        return nothing(result)
    heads = [against(result), "driven by", *(f"p50 at {load}" for load in loads)]
    heads.append(f"throughput at {loads[-1]}")
    lines = [heads, ["---"] * len(heads)]
    for row in table:
        cells = [_bold(each) for each in (*row.p50, row.throughput)]
        lines.append([row.label, LOADER_CODE[row.loader], *cells])
    written = "\n".join(f"| {' | '.join(each)} |" for each in lines)
    return f"{written}\n\n{reading(result)}"


def _bold(value: Cell) -> str:
    figure, _, interval = cell(value).partition(" (")
    return f"**{figure}** ({interval}" if clear(value) else cell(value)
