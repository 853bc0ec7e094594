"""Rendered pages with known text."""
