"""Starts a command line."""

from __future__ import annotations

import sys
from collections.abc import Collection

import typer


def start(app: typer.Typer, program: str, *, ours: Collection[str], remedy: str) -> None:
    """Runs a command line to its end. If a package is not installed, one sentence says so.

    Args:
        app: the commands.
        program: how it is called, as ``python -m repository``.
        ours: packages that are this project's own, whose absence is a mistake of its code.
        remedy: how to install what the commands need, as an imperative sentence.
    """
    try:
        app(prog_name=program)
    except ModuleNotFoundError as problem:
        name = (problem.name or "").partition(".")[0]
        if name in ours or not name:
            raise
        print(
            f"error: this command needs the package '{name}', which is not installed here. "
            f"{remedy}",
            file=sys.stderr,
        )
        sys.exit(1)
