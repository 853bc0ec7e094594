"""The table at a build's end: each model, how big, how exact, how good, and where it came from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from repository.manifest import Manifest

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One model.

    Attributes:
        model: its name.
        backend: Triton's backend, or "ensemble".
        bytes: the size of its folder.
        parity: the largest absolute difference of its export from the source; None for a model
            that is not made from a checkpoint.
        metric: its gates' figures, as "character_error_rate 0.012 <= 0.02".
        state: "built" or "cached".
        precision: of its arithmetic, where it is not the profile's.
    """

    model: str
    backend: str
    bytes: int
    parity: float | None
    metric: str
    state: str
    precision: str = ""


def summary(manifest: Manifest, built: Collection[str] = ()) -> tuple[Row, ...]:
    """A row for each model, in the order of their names.

    Args:
        manifest: of the repository.
        built: the models that were made now, as in :class:`~builders.kit.build.build.Result`.
    """
    rows = []
    for name, model in sorted(manifest.models.items()):
        exports = [manifest.exports[each] for each in model["exports"]]
        figures = [each.get("parity") for each in exports]
        differences = [figure["absolute"] for figure in figures if figure]
        gates = [
            f"{metric['name']} {metric['value']:.4g} "
            f"{'<=' if metric['better'] == 'lower' else '>='} {metric['bound']:g}"
            for metric in manifest.metrics
            if metric["pipeline"] == name
        ]
        rows.append(
            Row(
                model=name,
                backend=model["backend"],
                bytes=model["bytes"],
                parity=max(differences, default=None),
                metric="\n".join(gates),
                state="built" if name in built else "cached",
                precision=" ".join(each.get("facts", {}).get("precision", "") for each in exports),
            )
        )
    return tuple(rows)


def table(rows: Collection[Row]) -> Table:
    """The rows for a terminal."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("model", "backend"):
        made.add_column(heading)
    made.add_column("size", justify="right")
    made.add_column("parity", justify="right")
    made.add_column("metric", overflow="fold")
    made.add_column("")
    for row in rows:
        made.add_row(
            row.model,
            row.backend,
            _size(row.bytes),
            "" if row.parity is None else f"{row.parity:.1e}\n{row.precision}".rstrip(),
            row.metric,
            row.state,
        )
    return made


def _size(size: int) -> str:
    """A size in decimal units."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1e3:.1f} kB" if size < 1e6 else f"{size / 1e6:.1f} MB"
