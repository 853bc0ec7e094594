"""The programs of the house, whose commands `tmk` has."""

from __future__ import annotations

from dataclasses import dataclass

import typer

from builders.cli.app import app as builders
from clients.cli.app import app as clients
from clients.cli.interrupt import GRACE
from clients.smoke import app as smoke
from gateway.cli import app as gateway
from perf.cli import app as perf
from repository.cli.naming.panels import ASK, BUILD, DEPLOY, MEASURE, SERVE
from runtime.cli import app as runtime


@dataclass(frozen=True)
class Program:
    """A program with commands of its own.

    Attributes:
        called: how its commands are called in texts.
        app: its commands.
        panel: the group in the help for commands that name none.
        group: the command of `tmk` that has them as its own; empty: `tmk` itself.
        asks: it asks servers, over gRPC.
        grace: seconds from Ctrl-C to its end; None: as long as it takes to stop what was started.
    """

    called: str
    app: typer.Typer
    panel: str
    group: str = ""
    asks: bool = False
    grace: float | None = None


PROGRAMS = (
    Program("python -m builders", builders, BUILD),
    Program("python -m runtime", runtime, SERVE),
    Program("python -m gateway", gateway, SERVE),
    Program("python -m clients", clients, ASK, asks=True, grace=GRACE),
    Program("python -m clients.smoke", smoke, DEPLOY, asks=True, grace=GRACE),
    Program("python -m perf", perf, MEASURE, group="perf", asks=True),
)

NAMES = {each.called: f"tmk {each.group}".rstrip() for each in PROGRAMS} | {
    "python -m clients.smoke": "tmk smoke",
    "python -m gateway": "tmk gateway",
    "python -m repository": "tmk",
}
"""How a program's commands are called in texts -> how `tmk` calls them."""
