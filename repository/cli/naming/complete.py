"""What a shell completes: names that are cheap to look up. A mistake completes nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from repository.cli.folder import REPOSITORY
from repository.errors import KitError


def beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    """The names that begin as what was typed, sorted."""
    return sorted({each for each in names if each.startswith(incomplete)})


def models(incomplete: str) -> list[str]:
    """Models of the repository in the working directory."""
    return beginning(incomplete, (each.parent.name for each in REPOSITORY.glob("*/config.pbtxt")))


def pipelines(incomplete: str) -> list[str]:
    """Pipelines of that repository, and of the families that can be found."""
    from repository.manifest import read_manifest
    from repository.usage.found import usages

    known: set[str] = set()
    with contextlib.suppress(KitError, AttributeError, TypeError):
        families = read_manifest(REPOSITORY).families.values()
        known |= {str(each) for family in families for each in family["pipelines"]}
    with contextlib.suppress(KitError):
        known |= {*usages().declared}
    return beginning(incomplete, known)
