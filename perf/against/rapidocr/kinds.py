"""Errors and time on page kinds, ours and RapidOCR's: ``python -m perf.against.rapidocr.kinds``.

Every kind of :mod:`perf.against.kinds` is read by the pipeline in process and by RapidOCR as its
package configures it, in turns, each on two threads with the same weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated

import typer

from perf.against.bench import Repository, machine, say, write
from perf.against.kinds import UNKNOWN_SCRIPTS, Kind, kinds, score
from perf.against.rapidocr.readers import Read, pipeline, rapid
from perf.paths import REPOSITORY, RESULTS


@dataclass(frozen=True)
class Side:
    """What one reader did with a page.

    Attributes:
        free: wrong characters, whatever the order of words.
        in_order: wrong characters.
        seconds: the median of its rounds.
    """

    free: int
    in_order: int
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """Both readers on one kind."""

    name: str
    typeset: bool
    characters: int
    ours: Side
    theirs: Side

    @property
    def worse(self) -> float:
        """By how many points of free error ours is worse; below 0 if it is better."""
        return 100 * (self.ours.free - self.theirs.free) / self.characters

    @property
    def time(self) -> float:
        """Our time, in theirs."""
        return self.ours.seconds / self.theirs.seconds


def measure(
    listed: Sequence[Kind],
    ours: Read,
    theirs: Read,
    rounds: int,
    progress: Callable[[str], None] = lambda line: None,
) -> list[Outcome]:
    """Reads every kind with both readers, in turns.

    Args:
        listed: the kinds.
        ours: the pipeline.
        theirs: RapidOCR.
        rounds: of each kind; the first gives the errors.
        progress: gets a line a kind.
    """
    # Sessions load and grow their buffers at the first page.
    for read in (ours, theirs):
        read(listed[0].path.read_bytes())
    outcomes = []
    for kind in listed:
        image = kind.path.read_bytes()
        texts, seconds = [], []
        for _ in range(rounds):
            for read in (ours, theirs):
                start = perf_counter()
                texts.append("\n".join(read(image)))
                seconds.append(perf_counter() - start)
        sides = (
            Side(
                score.free(kind.text, texts[side]),
                score.in_order(kind.text, texts[side]),
                median(seconds[side::2]),
            )
            for side in (0, 1)
        )
        outcome = Outcome(kind.name, kind.typeset, score.characters(kind.text), *sides)
        outcomes.append(outcome)
        progress(row(outcome))
    return outcomes


def row(outcome: Outcome) -> str:
    """A kind as a row of the table."""
    figures = [
        f"{100 * getattr(side, field) / outcome.characters:.1f}"
        for field in ("free", "in_order")
        for side in (outcome.ours, outcome.theirs)
    ]
    return f"| {outcome.name} | {' | '.join(figures)} | {outcome.time:.2f} |"


@dataclass(frozen=True)
class Total:
    """Several kinds as one.

    Attributes:
        kinds: how many.
        free: our wrong characters over theirs, whatever the order.
        in_order: the same, in order.
        time: the median kind's time, divided by RapidOCR's.
        all_time: all kinds' time, divided by RapidOCR's.
        worse: kinds on which ours is worse by more than half a point.
    """

    kinds: int
    free: float
    in_order: float
    time: float
    all_time: float
    worse: tuple[str, ...]


ALLOWED = 0.5
"""Points of free error by which a kind may be worse than RapidOCR's."""


def total(outcomes: Sequence[Outcome]) -> Total:
    """The sums; kinds in unknown scripts count for time only."""
    known = [each for each in outcomes if each.name not in UNKNOWN_SCRIPTS]

    def share(field: str) -> float:
        ours, theirs = (
            sum(getattr(getattr(each, side), field) for each in known)
            for side in ("ours", "theirs")
        )
        return float(ours / max(theirs, 1))

    seconds = [sum(getattr(each, side).seconds for each in outcomes) for side in ("ours", "theirs")]
    return Total(
        len(outcomes),
        share("free"),
        share("in_order"),
        median(each.time for each in outcomes),
        seconds[0] / seconds[1],
        tuple(each.name for each in known if each.worse > ALLOWED),
    )


HEAD = (
    "| kind | ours, free % | RapidOCR, free % | ours, in order % | RapidOCR, in order % | time |",
    "|---" * 6 + "|",
)


def table(outcomes: Sequence[Outcome]) -> str:
    """The totals, and the kinds on which ours is worse than RapidOCR, as Markdown."""
    rows = [
        "| pages | errors against RapidOCR, free | in order | time, median kind | time, all "
        "| worse by half a point on |",
        "|---" * 6 + "|",
    ]
    for name, members in (
        ("typeset", [each for each in outcomes if each.typeset]),
        ("damaged", [each for each in outcomes if not each.typeset]),
        ("all", outcomes),
    ):
        if members:
            sums = total(members)
            rows.append(
                f"| {name} ({sums.kinds}) | {sums.free:.2f} | {sums.in_order:.2f} "
                f"| {sums.time:.2f} | {sums.all_time:.2f} | {len(sums.worse)} |"
            )
    worse = total(outcomes).worse
    listed = sorted((each for each in outcomes if each.name in worse), key=lambda each: -each.worse)
    if listed:
        rows += ["", "Where ours is worse by more than half a point:", "", *HEAD, *map(row, listed)]
    return "\n".join(rows) + "\n"


def all_kinds(outcomes: Sequence[Outcome]) -> str:
    """Every kind, as Markdown."""
    return "\n".join([*HEAD, *map(row, outcomes)]) + "\n"


def main(
    repository: Repository = REPOSITORY,
    only: Annotated[list[str] | None, typer.Option(help="Kinds to read; else all.")] = None,
    rounds: Annotated[int, typer.Option(help="Readings of each kind by each reader.")] = 3,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the tables and ocr_kinds.json.")
    ] = None,
) -> None:
    """Compare errors and time with RapidOCR's on every page kind.

    The figures are written where all kinds are read, or where a folder is named.
    """
    listed = kinds(only or ())
    say("\n".join(HEAD))
    outcomes = measure(listed, pipeline(repository), rapid(), rounds, say)
    text = table(outcomes)
    folder = out or (None if only else RESULTS)
    if folder:
        record = {"machine": machine(), "rounds": rounds, "kinds": [asdict(o) for o in outcomes]}
        closing = f"Measured on {machine()}, {rounds} rounds.\n"
        write(folder, "ocr_kinds", f"{text}\n{closing}", record)
        write(folder, "ocr_kinds_all", all_kinds(outcomes))
    typer.echo(text)


if __name__ == "__main__":
    typer.run(main)
