"""``python -m training.vision``: the command line; ``--help`` says what it does."""

from __future__ import annotations

import sys

from repository.errors import KitError
from training.vision.cli import app


def main() -> int:
    """Run a command; an error that a user can mend is one sentence and exit code 1."""
    try:
        app(prog_name="python -m training.vision")
    except (KitError, RuntimeError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
