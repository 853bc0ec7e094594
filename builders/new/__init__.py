"""Writes a small family that builds, serves and passes its own test, to be edited from there."""
