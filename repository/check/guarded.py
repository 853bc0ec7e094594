"""A check that cannot read what it checks says so, and the others go on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from repository.check.rules import finding
from repository.files.reading import UNREADABLE, said
from repository.findings import Finding


def guarded(where: str, found: Iterable[Finding]) -> Iterator[Finding]:
    """Findings as they come. If the check cannot read its subject, the last finding says so.

    Args:
        where: what is checked.
        found: the check, as a generator.
    """
    try:
        yield from found
    except UNREADABLE as error:
        yield finding(
            "unreadable",
            where,
            "files that can be read and are what their names say",
            said(error)[:200],
            "Correct or remove them.",
        )
