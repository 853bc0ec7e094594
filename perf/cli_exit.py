"""How the commands end when they cannot do what was asked."""

from __future__ import annotations

import typer


def failed(sentence: str) -> typer.Exit:
    """The exit for a step that failed, after its sentence."""
    typer.echo(f"error: {sentence}", err=True)
    return typer.Exit(1)


def usage(sentence: str) -> typer.Exit:
    """The exit for wrong usage, after its sentences."""
    for line in sentence.splitlines():
        typer.echo(line if line.startswith("error") else f"error: {line}", err=True)
    return typer.Exit(2)
