"""``python -m builders``."""

from __future__ import annotations

from builders.cli.app import app
from repository.cli.start import start
from repository.pip_commands import install_command
from repository.places import PACKAGES


def main() -> None:
    """Runs the command line."""
    start(
        app,
        "python -m builders",
        ours=PACKAGES,
        remedy=f"Install the builder's: {install_command('torch')}.",
    )


if __name__ == "__main__":
    main()
