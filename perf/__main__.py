"""``python -m perf``."""

from perf.cli import app

app(prog_name="python -m perf")
