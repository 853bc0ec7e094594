"""Runs a built model repository: the local Triton server, its stand-in backends, containers."""
