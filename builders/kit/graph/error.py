"""How a graph is refused that cannot be written as it is declared."""

from __future__ import annotations

from builders.errors import BuildersError


class GraphError(BuildersError):
    """A declared graph cannot be made; its author mends the declaration."""
