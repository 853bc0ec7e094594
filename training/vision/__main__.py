"""``python -m training.vision``: the command line; ``--help`` says what it does."""

from __future__ import annotations

import sys

from training.command_line import run
from training.vision.cli import app


def main() -> int:
    """Run a command: :func:`training.command_line.run`."""
    return run(app, "python -m training.vision")


if __name__ == "__main__":
    sys.exit(main())
