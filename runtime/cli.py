"""The command line: ``python -m runtime install | serve``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from runtime.environment import DEFAULT_ENVIRONMENT
from runtime.errors import RuntimeFailure

app = typer.Typer(
    help="Run a model repository on a real Triton server, on this machine or in a container.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
_errors = Console(stderr=True, highlight=False, soft_wrap=True)


@app.command()
def install(
    folder: Annotated[
        Path, typer.Option("--folder", help="Where to make it.", show_default=False)
    ] = DEFAULT_ENVIRONMENT,
) -> None:
    """Set up the environment that the local Triton runs in (about 0.5 GB).

    Takes no time when it is there already. Needs Python 3.11 or 3.12, its shared library
    (libpython), glibc 2.35 and a package index that pip can reach.

    [bold]Example[/bold]: python -m runtime install
    """
    from runtime.install import install as make

    if sys.stderr.isatty():
        with _errors.status("checking the server environment") as status:
            made = make(folder, progress=lambda text: status.update(f"server environment: {text}"))
    else:
        made = make(folder, progress=lambda text: _errors.print(f"server environment: {text}"))
    _errors.print(f"server environment: {made.folder}")


def main() -> None:
    """Runs the command line; a failure of the runtime is one message and exit code 1."""
    try:
        app()
    except RuntimeFailure as failure:
        _errors.print(f"error: {failure}", style="red", markup=False)
        sys.exit(1)
