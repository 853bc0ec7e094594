"""Where a command's document goes."""

from __future__ import annotations

from pathlib import Path

import typer

from repository.cli.exit import failed
from repository.files.whole_file import write_whole


def write_out(out: Path, content: bytes) -> None:
    """Writes a file whole or not at all, and says so; ``-`` is standard output.

    Raises:
        typer.Exit: it cannot be written; the error was printed.
    """
    if str(out) == "-":
        typer.echo(content, nl=False)
        return
    write_file(out, content)
    typer.echo(f"{out}: written")


def write_file(out: Path, content: bytes) -> None:
    """Writes a file whole or not at all, and prints nothing.

    Raises:
        typer.Exit: it cannot be written; the error was printed.
    """
    try:
        write_whole(out, content)
    except OSError as problem:
        raise failed(f"cannot write {out}: {problem.strerror}") from problem
