"""``python -m perf``."""

from clients.cli.interrupt import run

# Servers that were started are stopped in order, which takes its time.
run("perf.cli", "python -m perf", grace=None)
