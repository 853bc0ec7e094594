"""Starts a command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection

import typer

from repository.cli.streams import leave_unwritten, open_streams


def start(app: typer.Typer, program: str, *, ours: Collection[str], remedy: str) -> None:
    """Runs a command line to its end.

    If a package is not installed, or the machine refuses what a command needs (a full disk, a home
    that is not there), one sentence says so.

    Args:
        app: the commands.
        program: how it is called, as ``python -m repository``.
        ours: packages that are this project's own, whose absence is a mistake of its code.
        remedy: how to install what the commands need, as an imperative sentence.
    """
    open_streams()
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
    except OSError as problem:
        print(f"error: {_refused(problem)}", file=sys.stderr)
        leave_unwritten()
        sys.exit(1)


def _refused(problem: OSError) -> str:
    """What the machine refused, as a sentence."""
    try:
        os.getcwd()  # noqa: PTH109
    except OSError:
        return "expected a working directory, found one that was removed. Change to another."
    where = "a file or a stream" if problem.filename is None else problem.filename
    return f"{where}: expected to read and write it, found: {problem.strerror or problem}."
