"""What a transfer says when it cannot go on."""

from __future__ import annotations

from collections.abc import Sequence

from builders.kit.findings import Finding


class TransferError(ValueError):
    """A push or a pull that cannot go on: sentences for the user, every one with its remedy."""


def refuse(findings: Sequence[Finding]) -> None:
    """Raise all findings as one error, if there are any.

    Raises:
        TransferError: there are findings.
    """
    if findings:
        raise TransferError("\n".join(map(str, findings)))
