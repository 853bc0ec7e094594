"""``python -m clients``."""

from clients.interrupt import run

run("clients.cli", "python -m clients")
