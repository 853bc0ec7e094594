"""The command ``new``. It imports nothing heavy before it runs."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from repository.cli.exit import failed, usage
from repository.cli.naming.program import named


def new(
    name: Annotated[str, typer.Argument(help="The family's name, as shapes.")],
    at: Annotated[
        Path | None,
        typer.Option(
            help="A new folder for it, as a repository of its own; or the folder builders of this "
            "checkout.",
            show_default="builders in this checkout, else a folder NAME here",
        ),
    ] = None,
) -> None:
    """Write a small family that builds, serves and passes its own test, to be edited from there."""
    from builders.new.write import NewError, write_family

    try:
        written = write_family(name, at)
    except NewError as problem:
        raise usage(problem) from problem
    except OSError as problem:
        raise failed(f"cannot write {problem.filename}: {problem.strerror}") from problem
    typer.echo(f"{written.folder}: a family that tells shapes apart, to be edited. Next:")
    if written.start != Path.cwd():
        start = min(os.path.relpath(written.start), str(written.start), key=len)
        typer.echo(f"  cd {shlex.quote(start)}")
    folder = f"../{name}_repository" if written.inside else f"{name}_repository"
    for command in (
        f"python -m builders build --profile {written.profile} --out {folder}",
        f"python -m unittest discover {written.tests}",
        f"python -m runtime serve {folder}",
    ):
        typer.echo(f"  {named(command)}")
    if written.inside:
        typer.echo(
            "Write its name beside ocr in pyproject.toml, [tool.importlinter]: make lint asks."
        )
