"""The command ``doctor``. It imports nothing heavy before it runs."""

from __future__ import annotations

from dataclasses import asdict

import typer

from repository.cli.naming.program import named
from repository.cli.show import Json, show, show_json
from repository.table import Column, Table


def doctor(as_json: Json = False) -> None:
    """Check whether this machine can build and serve, and say what to do if it cannot.

    With `--json` it prints `ok` and the list `checks`, each with `name`, `outcome`, `found` and
    `remedy`.
    """
    from runtime.machine.doctor import Outcome, run_checks

    checks = run_checks()
    fit = not any(check.outcome is Outcome.ERROR for check in checks)
    if as_json:
        listed = [asdict(check) | {"remedy": named(check.remedy)} for check in checks]
        show_json({"ok": fit, "checks": listed})
    else:
        rows = [(str(each.outcome), each.name, named(each.sentence())) for each in checks]
        show(Table((Column(""), Column(""), Column("", folds=True)), rows))
    raise typer.Exit(0 if fit else 1)
