"""The command ``wrap``. It imports nothing heavy before it runs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repository.cli.exit import failed, report, usage
from repository.cli.naming.program import named
from repository.cli.out import write_file, write_out
from repository.cli.show import Json, show_json, width
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
    operators: Annotated[
        list[Path] | None,
        typer.Option(help="A library (.so) of custom operators that a file needs; repeatable."),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="A Hugging Face folder instead: which family takes it?"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the profile that serves ONNX files, and say what each of them is.

    If one of them cannot be served, nothing is written, and all that is wrong is told at once.

    With `--json` it prints `profile`, the path or, without one, the text, and the list `models`,
    each with `model`, `path`, `bytes`, `opset`, `inputs`, `outputs` and `unbatched`, which says why
    its requests cannot be joined.
    """
    from repository.release import ReleaseError, release

    if (checkpoint is None) is not bool(files):
        example = named("python -m builders wrap scorer.onnx")
        raise usage(f"expected ONNX files, as `{example}`, or --checkpoint FOLDER")
    if as_json and checkpoint is not None:
        raise usage("--json is of ONNX files: leave out one of --json and --checkpoint")
    try:
        served_by = release(triton)
    except ReleaseError as problem:
        raise usage(problem) from problem
    try:
        if checkpoint is not None:
            from builders.wrap.checkpoint import told

            typer.echo(named(told(checkpoint)))
            return
        _write(files or [], out, served_by, operators or [], as_json=as_json)
    except KitError as problem:
        if problem.findings:
            report(problem.findings)
            raise typer.Exit(1) from problem
        raise failed(named(str(problem))) from problem


def _write(
    files: list[Path], out: Path, triton: Release, operators: list[Path], *, as_json: bool
) -> None:
    from builders.wrap.described import as_record, described
    from builders.wrap.profile_text import profile_text
    from builders.wrap.understood import understand

    to_stdout = str(out) == "-"
    if not to_stdout and out.exists():
        raise failed(f"{out}: expected a new file, found one. Remove it, or name another (--out).")
    models = understand(files, triton, operators)
    folder = Path() if to_stdout else out.parent
    text = profile_text(models, triton, folder)
    if not to_stdout:
        # Before anything is printed: whoever reads that may leave early.
        write_file(out, text.encode())
    if as_json:
        show_json(
            {
                "profile": text if to_stdout else str(out),
                "models": [as_record(each) for each in models],
            }
        )
        return
    if to_stdout:
        write_out(out, text.encode())
        return
    for each in models:
        typer.echo("\n".join([*described(each, width() or _WIDTH), ""]))
    typer.echo(f"{out}: written")
    # A folder of its own: what a build writes replaces the repository that is there.
    repository = out.with_name(f"{out.stem}_repository")
    build = ["build", "--profile", str(out), "--out", str(repository)]
    typer.echo(named(f"Build it with: python -m builders {shlex.join(build)}"))
