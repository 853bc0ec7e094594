"""``python -m repository``."""

from __future__ import annotations

from repository.cli.app import app
from repository.cli.start import start


def main() -> None:
    """Runs the command line."""
    start(
        app,
        "python -m repository",
        ours=("repository",),
        remedy="Install what it needs: pip install -r repository/requirements/base.txt.",
    )


if __name__ == "__main__":
    main()
