"""``python -m gateway``."""

from __future__ import annotations

from typing import NoReturn


def main() -> NoReturn:
    """Runs the command line to the end of the process."""
    # Before all else: Ctrl-C may come while the commands are imported.
    from clients.cli.interrupt import run

    run("gateway.cli", "python -m gateway", grace=None)


if __name__ == "__main__":
    main()
