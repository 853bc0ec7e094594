"""What a transfer says when it cannot go on."""

from __future__ import annotations

from collections.abc import Sequence

from repository.errors import RepositoryError
from repository.findings import Finding


class TransferError(RepositoryError):
    """A push or a pull that cannot go on: sentences for the user, every one with its remedy."""


def refuse(findings: Sequence[Finding]) -> None:
    """Raise all findings as one error, if there are any.

    Raises:
        TransferError: there are findings.
    """
    if findings:
        raise TransferError(findings)


def plain(text: str, limit: int = 200) -> str:
    """What a stranger says, for a sentence: on one line, printable, and not too long."""
    line = " ".join(text.split())
    line = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in line)
    return line if len(line) <= limit else f"{line[:limit]}…"
