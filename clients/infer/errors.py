"""What keeps a request from being made."""

from __future__ import annotations

from clients.errors import ClientError


class InputsError(ClientError):
    """Inputs that a model does not take; each mistake is a finding."""
