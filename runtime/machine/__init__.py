"""This machine, and the environment of the local Triton on it."""
