"""What cannot be wrapped."""

from __future__ import annotations

from builders.errors import BuildersError


class WrapError(BuildersError):
    """Files that the family ``onnx`` does not serve, or a folder that no family takes."""
