"""The command ``wrap``. It imports nothing heavy before it runs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repository.cli.exit import failed, report, usage
from repository.cli.out import write_out
from repository.cli.program import named
from repository.cli.show import width
from repository.errors import KitError

if TYPE_CHECKING:
    from repository.release import Release

_WIDTH = 100
"""Columns of a line in a pipe."""


def wrap(
    files: Annotated[
        list[Path] | None, typer.Argument(help="ONNX files, each a model of its own.")
    ] = None,
    out: Annotated[
        Path, typer.Option(help="The profile to write, a new file; - is standard output.")
    ] = Path("-"),
    triton: Annotated[str, typer.Option(help="The Triton release that will serve it.")] = "24.10",
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="A Hugging Face folder instead: which family takes it?"),
    ] = None,
) -> None:
    """Write the profile that serves ONNX files, and say what each of them is.

    Nothing is written where one of them cannot be served: what is wrong with each is told at once.
    """
    from repository.release import ReleaseError, release

    if (checkpoint is None) is not bool(files):
        raise usage("expected ONNX files, as `wrap scorer.onnx`, or --checkpoint FOLDER")
    try:
        served_by = release(triton)
    except ReleaseError as problem:
        raise usage(problem) from problem
    try:
        if checkpoint is not None:
            from builders.wrap.checkpoint import told

            typer.echo(named(told(checkpoint)))
            return
        _write(files or [], out, served_by)
    except KitError as problem:
        if problem.findings:
            report(problem.findings)
            raise typer.Exit(1) from problem
        raise failed(named(str(problem))) from problem


def _write(files: list[Path], out: Path, triton: Release) -> None:
    from builders.wrap.described import described
    from builders.wrap.profile_text import profile_text
    from builders.wrap.understood import understand

    to_stdout = str(out) == "-"
    if not to_stdout and out.exists():
        raise failed(f"{out}: expected a new file, found one. Remove it, or name another (--out).")
    models = understand(files, triton)
    folder = Path() if to_stdout else out.parent
    text = profile_text(models, triton, folder)
    if not to_stdout:
        for each in models:
            typer.echo("\n".join([*described(each, width() or _WIDTH), ""]))
    write_out(out, text.encode())
    if not to_stdout:
        command = f"python -m builders build --profile {shlex.quote(str(out))}"
        typer.echo(named(f"Build it with: {command}"))
