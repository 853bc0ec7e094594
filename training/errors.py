"""What training raises."""

from __future__ import annotations

from repository.errors import KitError


class TrainingError(KitError):
    """Base of what stops a training, or what is made of it."""
