"""What clients raise."""

from __future__ import annotations

from repository.errors import KitError


class ClientError(KitError):
    """Base of what keeps a client from an answer; its text is a sentence.

    Of what stands below, the errors take two modules of the standard library, so a client stays
    as light as it was.
    """
