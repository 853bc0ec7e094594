"""One pipeline served in several ways, measured side by side: ``python -m perf compare``."""
