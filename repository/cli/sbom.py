"""The command ``sbom``. It imports nothing heavy before it runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from repository.cli.exit import failed
from repository.cli.folder import REPOSITORY, Repository, as_built
from repository.cli.out import write_out
from repository.files.bounded_file import Unreadable, read_bounded
from repository.pip_commands import requirements_command

_LONGEST = 1 << 20
"""Bytes of a file of requirements."""


def sbom_for(image: Path | None) -> Callable[..., None]:
    """The command.

    Args:
        image: the requirements of the serving image, if the user names none; None if they are not
            known.
    """

    def sbom(
        out: Annotated[Path, typer.Option(help="The file to write; - is standard output.")],
        repository: Repository = REPOSITORY,
        requirements: Annotated[
            Path | None,
            typer.Option(
                help="The packages of the image that serves it, as runtime/requirements.txt.",
                show_default=False,
            ),
        ] = image,
    ) -> None:
        """List what a built repository and its image hold, as CycloneDX 1.6 in JSON."""
        manifest = as_built(repository, out)
        try:
            from repository.bom import sbom as list_contents
            from repository.bom.image import SbomError
        except ModuleNotFoundError as problem:
            raise failed(
                f"no module '{problem.name}'. Install the packages: {requirements_command('sbom')}"
            ) from problem
        try:
            text = None
            if requirements is not None:
                text = read_bounded(requirements, _LONGEST).decode(errors="replace")
            made = list_contents(manifest, text)
        except Unreadable as problem:
            raise failed(f"cannot read {problem}") from problem
        except SbomError as problem:
            raise failed(problem) from problem
        write_out(out, made.encode())

    return sbom
