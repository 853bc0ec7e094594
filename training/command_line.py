"""What the trainings' command lines have in common."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from repository.cli.help import App
from repository.errors import KitError

Seed = Annotated[int, typer.Option(help="Of every random choice.")]


def commands(help_text: str | None) -> App:
    """The commands of a training, none yet."""
    return App(
        no_args_is_help=True,
        help=help_text,
        add_completion=False,
        pretty_exceptions_enable=False,
    )


def run(app: App, program: str) -> int:
    """Run a command; an error that a user can mend is one sentence and exit code 1."""
    try:
        app(prog_name=program)
    except (KitError, RuntimeError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
