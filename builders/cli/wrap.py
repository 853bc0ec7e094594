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
        list[Path] | None,
        typer.Argument(
            help="ONNX files, each a model of its own, and folders in Hugging Face format."
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="The profile to write, a new file; - is standard output.")
    ] = Path("-"),
    triton: Annotated[str, typer.Option(help="The Triton release that will serve it.")] = "24.10",
    operators: Annotated[
        list[Path] | None,
        typer.Option(help="A library (.so) of custom operators that a file needs; repeatable."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the profile that serves ONNX files or checkpoints, and say what each of them is.

    A folder goes to the family that takes such a checkpoint; one that none takes, to the family
    `onnx`, if it has an ONNX file. If one of them cannot be served, nothing is written, and all
    that is wrong is told at once.

    With `--json` it prints `profile`, the path or, without one, the text; the list `models`, each
    with `model`, `path`, `bytes`, `opset`, `inputs`, `outputs` and `unbatched`, which says why its
    requests cannot be joined; and the list `checkpoints`, each with `family`, `component`, `path`,
    `kind` and `pipelines`.
    """
    from repository.release import ReleaseError, release

    if not files:
        examples = (named(f"python -m builders wrap {each}") for each in ("scorer.onnx", "./llava"))
        raise usage("expected ONNX files or folders, as `{}` or `{}`".format(*examples))
    try:
        served_by = release(triton)
    except ReleaseError as problem:
        raise usage(problem) from problem
    try:
        _write(files, out, served_by, operators or [], as_json=as_json)
    except KitError as problem:
        if problem.findings:
            report(problem.findings)
            raise typer.Exit(1) from problem
        raise failed(named(str(problem))) from problem


def _write(
    files: list[Path], out: Path, triton: Release, operators: list[Path], *, as_json: bool
) -> None:
    from builders.wrap.described import as_record, described, described_folder, folder_record
    from builders.wrap.given import read_given
    from builders.wrap.profile_text import profile_text

    to_stdout = str(out) == "-"
    if not to_stdout and out.exists():
        raise failed(f"{out}: expected a new file, found one. Remove it, or name another (--out).")
    given = read_given(files, triton, operators)
    folder = Path() if to_stdout else out.parent
    text = profile_text(given, triton, folder)
    if not to_stdout:
        # Before anything is printed: whoever reads that may leave early.
        write_file(out, text.encode())
    if as_json:
        show_json(
            {
                "profile": text if to_stdout else str(out),
                "models": [as_record(each) for each in given.models],
                "checkpoints": [folder_record(each) for each in given.folders],
            }
        )
        return
    if to_stdout:
        write_out(out, text.encode())
        return
    columns = width() or _WIDTH
    for lines in (
        *(described_folder(each, columns) for each in given.folders),
        *(described(each, columns) for each in given.models),
    ):
        typer.echo("\n".join([*lines, ""]))
    typer.echo(f"{out}: written")
    # A folder of its own: what a build writes replaces the repository that is there.
    repository = out.with_name(f"{out.stem}_repository")
    build = ["build", "--profile", str(out), "--out", str(repository)]
    typer.echo(named(f"Build it with: python -m builders {shlex.join(build)}"))
