"""The tables at a build's end: each model, how big, how exact; each gate, and how good it is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from repository.manifest import Manifest
from repository.table import TIE, Column, Table


@dataclass(frozen=True)
class Row:
    """One model.

    Attributes:
        model: its name.
        backend: Triton's backend, or "ensemble".
        bytes: the size of its folder.
        parity: the largest absolute difference of its export from the source; None for a model
            that is not made from a checkpoint.
        state: "built" or "cached".
        precision: of its arithmetic, where it is not the profile's.
    """

    model: str
    backend: str
    bytes: int
    parity: float | None
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
        rows.append(
            Row(
                model=name,
                backend=model["backend"],
                bytes=model["bytes"],
                parity=max(differences, default=None),
                state="built" if name in built else "cached",
                precision=" ".join(each.get("facts", {}).get("precision", "") for each in exports),
            )
        )
    return tuple(rows)


def table(rows: Collection[Row]) -> Table:
    """The rows for a terminal."""
    return Table(
        (
            Column("model"),
            Column("backend"),
            Column("size", right=True),
            Column("parity", right=True),
            Column(""),
        ),
        [
            (
                row.model,
                row.backend,
                _size(row.bytes),
                "" if row.parity is None else f"{row.parity:.1e}\n{row.precision}",
                row.state,
            )
            for row in rows
        ],
    )


def gates(manifest: Manifest) -> Table:
    """Each pipeline's scores and their bounds, for a terminal."""
    columns = (
        Column("pipeline"),
        Column("metric"),
        Column("measured", right=True),
        Column("gate", right=True),
    )
    rows = [
        (
            metric["pipeline"],
            metric["name"],
            f"{metric['value']:.4g}",
            f"at {'most' if metric['better'] == 'lower' else 'least'}{TIE}{metric['bound']:g}",
        )
        for metric in manifest.metrics
    ]
    return Table(columns, rows)


def as_json(manifest: Manifest, built: Collection[str] = ()) -> dict[str, Any]:
    """What the table shows, for a script: ``digest``, ``models`` and ``metrics``.

    Args:
        manifest: as for :func:`summary`.
        built: likewise.
    """
    models = [
        {
            "model": row.model,
            "backend": row.backend,
            "bytes": row.bytes,
            "parity": row.parity,
            "precision": row.precision,
            "state": row.state,
        }
        for row in summary(manifest, built)
    ]
    asked = ("name", "pipeline", "value", "better", "bound")
    metrics = [{key: metric[key] for key in asked} for metric in manifest.metrics]
    return {"digest": manifest.digest, "models": models, "metrics": metrics}


def _size(size: int) -> str:
    """A size in decimal units."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1e3:.1f} kB" if size < 1e6 else f"{size / 1e6:.1f} MB"
