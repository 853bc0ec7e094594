"""How the commands end when they cannot do what was asked."""

from __future__ import annotations

import typer

from repository.cli.flags import told
from repository.cli.naming.program import named
from repository.errors import KitError


def failed(problem: KitError | str) -> typer.Exit:
    """The exit for a step that failed, after its sentence."""
    typer.echo(f"error: {_text(problem)}", err=True)
    return typer.Exit(1)


def usage(problem: KitError | str) -> typer.Exit:
    """The exit for wrong usage, after its sentences."""
    for line in _text(problem).splitlines():
        typer.echo(line if line.startswith("error") else f"error: {line}", err=True)
    return typer.Exit(2)


def _text(problem: KitError | str) -> str:
    return told(problem) if isinstance(problem, KitError) else named(problem)
