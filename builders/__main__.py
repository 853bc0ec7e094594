"""``python -m builders``."""

from __future__ import annotations

from builders.cli.app import app
from repository.cli.start import start

OURS = ("repository", "builders", "runtime", "clients", "perf", "training", "tmk")


def main() -> None:
    """Runs the command line."""
    start(
        app,
        "python -m builders",
        ours=OURS,
        remedy="Install the builder's: pip install -c constraints.txt -e '.[torch]'.",
    )


if __name__ == "__main__":
    main()
