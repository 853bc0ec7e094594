"""Finds what families declare of their pipelines, in their modules ``usage.py``.

Nothing above this floor is imported by name: the kit's own families are the folders of the package
``builders``, others are offered by the entry points of installed packages.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from repository.errors import RepositoryError
from repository.findings import finding_of
from repository.layout import BLS_SUFFIX
from repository.usage import Usage

PACKAGE = "builders"
"""The package whose folders are the kit's families."""

GROUP = "triton_multimodal_kit.families"
"""The entry points by which installed packages offer families: name = "package of the family"."""

MODULE = "usage"
"""The module of a family that declares how its pipelines are used."""


class UsageError(RepositoryError):
    """A family's ``usage.py`` cannot be read."""


@dataclass(frozen=True)
class Usages:
    """What is declared of pipelines.

    Attributes:
        declared: pipeline -> what its family says.
    """

    declared: Mapping[str, Usage]

    def of(self, pipeline: str) -> Usage | None:
        """What is declared of a pipeline, or of the one whose BLS twin it is."""
        return self.declared.get(pipeline) or self.declared.get(pipeline.removesuffix(BLS_SUFFIX))


def usages(repository: Path | None = None) -> Usages:
    """What every family that can be found declares.

    A family whose models a profile configures has a function ``usage_in(repository)`` instead of a
    ``USAGE``: it gets a built repository, and returns the same of that one's pipelines.

    Args:
        repository: a built repository; None: nothing is known of such families.

    Raises:
        UsageError: two families declare one pipeline, or a module cannot be imported.
    """
    declared: dict[str, Usage] = {}
    owners: dict[str, str] = {}
    for package in _packages():
        for pipeline, usage in _declared(package, repository).items():
            if pipeline in declared:
                raise UsageError(
                    [
                        finding_of(
                            "usage",
                            f"pipeline '{pipeline}'",
                            "one family that declares how it is used",
                            f"{owners[pipeline]} and {package}",
                            "Rename the pipeline in one, or uninstall it.",
                        )
                    ]
                )
            declared[pipeline], owners[pipeline] = usage, package
    return Usages(declared)


def _packages() -> Iterator[str]:
    """The packages of families that have a usage."""
    found = importlib.util.find_spec(PACKAGE)
    for folder in (found and found.submodule_search_locations) or ():
        for path in sorted(Path(folder).glob(f"*/{MODULE}.py")):
            yield f"{PACKAGE}.{path.parent.name}"
    yield from _offered()


@functools.cache
def _offered() -> tuple[str, ...]:
    return tuple(sorted({each.value for each in importlib.metadata.entry_points(group=GROUP)}))


def _declared(package: str, repository: Path | None) -> Mapping[str, Usage]:
    try:
        if importlib.util.find_spec(f"{package}.{MODULE}") is None:
            return {}
        module = importlib.import_module(f"{package}.{MODULE}")
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        remedy = "Mend it, or uninstall the family."
        where = f"{package}.{MODULE}"
        expected = "a module that can be imported"
        raise UsageError([finding_of("usage", where, expected, told, remedy)]) from error
    made: dict[str, Usage] = dict(getattr(module, "USAGE", {}))
    usage_in: Callable[[Path], Mapping[str, Usage]] | None = getattr(module, "usage_in", None)
    if usage_in is not None and repository is not None:
        made |= usage_in(repository)
    return made
