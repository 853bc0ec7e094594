"""How the commands end when they cannot do what was asked."""

from __future__ import annotations

import typer

from clients.connection.address import VARIABLE, AddressError
from repository.cli.naming.program import named


def failed(sentence: str) -> typer.Exit:
    """The exit for a request that got no answer, after its sentence."""
    typer.echo(f"error: {named(sentence)}", err=True)
    return typer.Exit(1)


def wrong_address(problem: AddressError) -> typer.Exit:
    """The exit for a bad address, after its sentence."""
    typer.echo(f"error: --url, or the variable {VARIABLE}: {problem}", err=True)
    return typer.Exit(2)
