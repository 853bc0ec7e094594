"""How the commands tell findings, and how they end when they cannot do what was asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from repository.findings import printable

if TYPE_CHECKING:
    from repository.findings import Finding


def report(findings: Sequence[Finding]) -> None:
    """Prints findings, errors first, to standard error."""
    for finding in sorted(findings, key=lambda finding: (finding.severity, finding.where)):
        typer.echo(str(finding), err=True)


def failed(sentence: str) -> typer.Exit:
    """The exit for a step that failed, after its sentence, or after findings as text."""
    text = printable(sentence)
    typer.echo(text if text.startswith("error [") else f"error: {text}", err=True)
    return typer.Exit(1)


def usage(sentence: str) -> typer.Exit:
    """The exit for wrong usage, after its sentence."""
    typer.echo(f"error: {printable(sentence)}", err=True)
    return typer.Exit(2)
