"""What stops the rendering of a bundle."""

from __future__ import annotations

from builders.errors import BuildersError


class BundleError(BuildersError):
    """Base of what keeps a bundle's objects from being rendered."""
