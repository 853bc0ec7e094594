"""The repository that a command is about."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from repository.cli.exit import report, usage
from repository.manifest import Manifest, read_manifest, verify

REPOSITORY = Path("model_repository")
"""The repository that is meant if none is named."""

Repository = Annotated[Path, typer.Argument(help="A model repository.")]


def require_folder(repository: Path) -> None:
    """Refuse a repository that is not a folder.

    Raises:
        typer.Exit: it is not; the error was printed.
    """
    if not repository.is_dir():
        raise usage(
            f"{repository} is not a folder; name a model repository "
            "(`python -m builders build` builds one)"
        )


def as_built(repository: Path, out: Path) -> Manifest:
    """The manifest of a repository that is as it was built. Nothing will be written into it.

    Args:
        repository: its folder.
        out: the file that will be written, which must not lie in it.

    Raises:
        typer.Exit: it is not, or it would be; the error was printed.
    """
    require_folder(repository)
    if out.resolve().is_relative_to(repository.resolve()):
        raise usage(f"{out} would change the repository; give a path outside {repository}")
    if findings := verify(repository):
        report(findings)
        raise typer.Exit(1)
    return read_manifest(repository)
