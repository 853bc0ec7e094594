"""Starts the command line."""

from __future__ import annotations

from repository.cli.naming.program import call_commands
from repository.cli.start import start
from repository.pip_commands import install_command
from repository.places import PACKAGES
from tmk import commands
from tmk.programs import NAMES


def app(prog_name: str) -> None:
    """Runs the command line; ends by SystemExit.

    Args:
        prog_name: how it is called in its help.
    """
    call_commands(NAMES)
    start(
        commands.app,
        prog_name,
        ours=PACKAGES,
        remedy=f"Install the kit with what it builds with: {install_command('torch')}.",
    )
