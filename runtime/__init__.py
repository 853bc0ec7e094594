"""Runs a model repository, in a local Triton or in a container."""
