"""What a search came to: the table, the verdict, the patch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from perf.errors import PerfError
from perf.tune import patch, table
from perf.tune.row import Objective, Row
from perf.tune.search import BUDGET
from repository.config.proto import pb
from repository.files.whole_file import write_whole
from repository.table import Table

INTERRUPTED = "it was interrupted"


@dataclass(frozen=True)
class Tuned:
    """What came of it.

    Attributes:
        model: what was tuned.
        called: what was measured: the model or its pipeline.
        config: the model's present config.
        objective: what should be better.
        concurrency: requests under way at a time.
        loader: what sent the requests.
        count: requests of one measurement.
        rows: every candidate, the present settings first.
        winner: None if the present settings stay.
        ended: why it ended before it was done, if it did.
        seconds: that it took.
    """

    model: str
    called: str
    config: pb.ModelConfig
    objective: Objective
    concurrency: int
    loader: str
    count: int
    rows: tuple[Row, ...]
    winner: Row | None
    ended: str | None
    seconds: float

    @property
    def is_decided(self) -> bool:
        """Whether it says what to do: neither Ctrl-C nor a failure ended it."""
        return self.ended in (None, BUDGET)

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it."""
        return self.ended == INTERRUPTED

    def __str__(self) -> str:
        """The table and the verdict, as wide as they are."""
        return "\n".join([*self.table().lines(), self.verdict()])

    def table(self) -> Table:
        """Every candidate, for a terminal."""
        return table.table(table.lines(self.rows, self.objective, self.winner))

    def verdict(self) -> str:
        """What to do, and why, in a sentence or two."""
        what = {"throughput": "throughput", "latency": "speed, by the p50,"}[self.objective]
        load = f"of '{self.called}' at concurrency {self.concurrency}"
        present = self.rows[0]
        if self.winner is not None:
            gain = self.winner.gain(present, self.objective)
            return (
                f"'{self.model}' with {self.winner.settings}: {gain} times the {what} {load}, "
                f"against {present.settings} now, over {len(self.winner.final)} rounds with "
                f"{self.loader}."
            )
        if not self.is_decided:
            return f"Nothing was decided about '{self.model}': {self.ended}."
        ended = f" More time might tell: {self.ended}." if self.ended else ""
        tried = [row for row in table.ordered(self.rows, self.objective)[1:] if row.final]
        if not tried:
            return f"The present settings of '{self.model}' stay: {present.settings}.{ended}"
        gain = tried[0].gain(present, self.objective)
        return (
            f"The present settings of '{self.model}' stay, {present.settings}: nothing was better "
            f"with confidence. The best, {tried[0].settings}, had {gain} times the {what} {load}, "
            f"with {self.loader}.{ended}"
        )


def save(tuned: Tuned, out: Path) -> list[Path]:
    """Writes the table as Markdown and CSV beside the patch, and the patch if there is a winner.

    Without a winner a patch of an earlier run is removed: the table would not bear it out.

    Args:
        tuned: what was measured.
        out: the patch, whose name ends in ``.yaml``.

    Returns:
        The files that were written.

    Raises:
        PerfError: a file is in the way, or cannot be written.
    """
    patch.refuse_foreign(out)
    body = table.lines(tuned.rows, tuned.objective, tuned.winner)
    files = {
        out.with_suffix(".md"): f"{tuned.verdict()}\n\n{table.markdown(body)}",
        out.with_suffix(".csv"): table.as_csv(tuned.rows, tuned.objective),
    }
    if tuned.winner is not None:
        files[out] = patch.text(tuned.model, tuned.config, tuned.winner.settings, tuned.verdict())
    try:
        for path, content in files.items():
            write_whole(path, content.encode())
        if tuned.winner is None:
            out.unlink(missing_ok=True)
    except OSError as problem:
        raise PerfError(f"Cannot write beside '{out}': {problem}") from None
    return list(files)
