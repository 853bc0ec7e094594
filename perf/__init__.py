"""Benchmarks: every figure that the project quotes is written here, by a command."""
