"""``python -m builders``."""

from __future__ import annotations

import sys

from builders.cli.app import app

OURS = ("repository", "builders", "runtime", "clients", "perf", "training")


def main() -> None:
    """Runs the command line; a package that is not installed is told in a sentence."""
    try:
        app(prog_name="python -m builders")
    except ModuleNotFoundError as problem:
        name = (problem.name or "").partition(".")[0]
        if name in OURS or not name:
            raise
        print(
            f"error: this command needs the package '{name}', which is not installed here. Install "
            "the builder's: pip install -c constraints.txt -e '.[torch]'. The image that verifies "
            "has only what verify, push and pull need.",
            file=sys.stderr,
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
