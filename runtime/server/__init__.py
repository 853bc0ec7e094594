"""A Triton on this machine: its program, its start and end, its control API, its log."""
