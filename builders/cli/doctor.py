"""The command ``doctor``. It imports nothing heavy before it runs."""

from __future__ import annotations

import typer

from repository.cli.program import named


def doctor() -> None:
    """Look at this machine: can it build and serve, and what to do where it cannot."""
    from runtime.machine.doctor import Outcome, run_checks

    checks = run_checks()
    for check in checks:
        typer.echo(named(str(check)))
    raise typer.Exit(1 if any(check.outcome is Outcome.ERROR for check in checks) else 0)
