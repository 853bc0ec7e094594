"""``python -m training.asr``: the command line; ``--help`` says what it does."""

from __future__ import annotations

import sys

from training.asr.cli import app
from training.command_line import run


def main() -> int:
    """Run a command: :func:`training.command_line.run`."""
    return run(app, "python -m training.asr")


if __name__ == "__main__":
    sys.exit(main())
