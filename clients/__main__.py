"""``python -m clients``."""

from clients.cli.interrupt import run

run("clients.cli.ocr", "python -m clients")
