"""Triton's load-time rules, and ours, before any server starts."""
