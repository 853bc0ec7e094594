"""Bounds that a command line names before anything heavy is imported."""

from __future__ import annotations

INT32 = 2**31 - 1
"""The largest number of an INT32 tensor, and the bytes of the largest gRPC message."""

PATIENCE = 15.0
"""Seconds for which a server that does not listen is asked again: a start takes about so long."""
