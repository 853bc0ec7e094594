"""Where families of models lie: found, and made importable, without running any of their code."""

from __future__ import annotations

from repository.errors import RepositoryError


class FamilyMisplaced(RepositoryError):
    """There is no family in the place that is named."""
