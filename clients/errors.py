"""What clients raise."""

from __future__ import annotations

from repository.errors import KitError


class ClientError(KitError):
    """The base of a client's errors; the text is a sentence.

    They import two modules of the standard library only, so a client stays light.
    """
