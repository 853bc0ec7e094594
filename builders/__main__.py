"""``python -m builders``."""

from builders.cli import app

app(prog_name="python -m builders")
