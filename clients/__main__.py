"""``python -m clients``."""

from clients.cli.interrupt import run

run("clients.cli.app", "python -m clients")
