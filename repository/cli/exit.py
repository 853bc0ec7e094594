"""How the commands print findings, and how they end if they cannot do what was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from repository.cli.flags import FLAGS, told
from repository.cli.naming.program import named
from repository.errors import KitError
from repository.findings import printable

if TYPE_CHECKING:
    from repository.findings import Finding


def report(findings: Sequence[Finding]) -> None:
    """Prints findings, errors first, to standard error."""
    for finding in sorted(findings, key=lambda finding: (finding.severity, finding.where)):
        typer.echo(told(finding), err=True)


def failed(problem: KitError | str, flags: Mapping[str, str] = FLAGS) -> typer.Exit:
    """The exit for a step that failed, after its sentence, or after an error's text.

    Args:
        problem: what is wrong.
        flags: the options for what an error names, as :func:`repository.cli.flags.told` takes them.
    """
    tell(problem, flags)
    return typer.Exit(1)


def usage(problem: KitError | str, flags: Mapping[str, str] = FLAGS) -> typer.Exit:
    """The exit for wrong usage; as :func:`failed`."""
    tell(problem, flags)
    return typer.Exit(2)


def tell(problem: KitError | str, flags: Mapping[str, str] = FLAGS) -> None:
    """Prints an error to standard error, and goes on; as :func:`failed`."""
    text = printable(told(problem, flags) if isinstance(problem, KitError) else named(problem))
    typer.echo(text if text.startswith("error [") else f"error: {text}", err=True)
