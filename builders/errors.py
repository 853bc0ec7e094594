"""What builders raise."""

from __future__ import annotations

from repository.errors import KitError


class BuildersError(KitError):
    """Base of what stops a builder; all but a failed build say it of what they were given."""


class FamilyError(BuildersError):
    """A family cannot be loaded, or does not do what it declares."""


class NotDeclared(FamilyError):
    """There is no family of that name, or no such part of a family."""
