"""Finds what families declare about their pipelines, in their modules ``usage.py``.

Nothing above this floor is imported by name: the kit's own families are the folders of the package
``builders``; others lie in installed packages, or where somebody says: :mod:`repository.families`.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from repository.errors import KitError, RepositoryError
from repository.families.places import Place, folder_of, in_folder, in_package, in_packages
from repository.findings import finding_of, with_article
from repository.layout import pipeline_of
from repository.usage import Question, Usage

PACKAGE = "builders"
"""The package whose folders are the kit's families."""

MODULE = "usage"
"""The module of a family that declares how its pipelines are used."""

FILE = f"{MODULE}.py"


class UsageError(RepositoryError):
    """A family's ``usage.py`` cannot be read."""


@dataclass(frozen=True)
class Usages:
    """What is declared about pipelines.

    Attributes:
        declared: pipeline -> what its family says.
    """

    declared: Mapping[str, Usage]

    def of(self, pipeline: str) -> Usage | None:
        """What is declared about a pipeline, or about the one whose BLS or fused form it is."""
        return self.declared.get(pipeline) or self.declared.get(pipeline_of(pipeline))

    def question(self, pipeline: str) -> Question | None:
        """The question to a pipeline, found as :meth:`of` does; None if there is none."""
        usage = self.of(pipeline)
        return usage.question if usage is not None else None


def usages(repository: Path | None = None, code: Sequence[str] = ()) -> Usages:
    """What every family that can be found declares.

    A family whose models a profile configures has a function ``usage_in(repository)`` instead of a
    ``USAGE``: it gets a built repository, and returns the same of that one's pipelines.

    Args:
        repository: a built repository; without it, nothing is known about such families.
        code: families that lie elsewhere, each as ``path:`` and its folder.

    Raises:
        UsageError: two families declare one pipeline, or a module cannot be run.
        FamilyMisplaced: there is no family where ``code`` or an entry point says.
    """
    declared: dict[str, Usage] = {}
    owners: dict[str, str] = {}
    for place in _places(code):
        for pipeline, usage in _declared(place, repository).items():
            if pipeline in declared:
                raise UsageError(
                    [
                        finding_of(
                            "usage",
                            f"pipeline '{pipeline}'",
                            "one family that declares how it is used",
                            f"{owners[pipeline]} and {place.told}",
                            "Rename the pipeline in one, or leave that family out.",
                        )
                    ]
                )
            declared[pipeline], owners[pipeline] = usage, place.told
    return Usages(declared)


def _places(code: Sequence[str]) -> Iterator[Place]:
    """Where each family lies, once."""
    found: list[Place] = [
        in_folder(folder.name, folder) for folder in dict.fromkeys(map(folder_of, code))
    ]
    kit = importlib.util.find_spec(PACKAGE)
    for folder in (kit and kit.submodule_search_locations) or ():
        for path in sorted(Path(folder).glob(f"*/{FILE}")):
            name = f"{PACKAGE}.{path.parent.name}"
            found.append(Place(path.parent, name, {}, f"the folder {path.parent}"))
    found += [in_package(each) for entries in in_packages().values() for each in entries]
    for at, place in enumerate(found):
        if not any(place.folder.samefile(other.folder) for other in found[:at]):
            yield place


def _declared(place: Place, repository: Path | None) -> Mapping[str, Usage]:
    if not (place.folder / FILE).is_file():
        return {}
    try:
        module = importlib.import_module(f"{place.package}.{MODULE}")
        declared = dict(getattr(module, "USAGE", {}))
        usage_in = getattr(module, "usage_in", None)
        if usage_in is not None and repository is not None:
            declared |= usage_in(repository)
    except KitError as error:
        raise UsageError(error.findings or str(error)) from error
    except (Exception, SystemExit) as error:
        expected, found = "code that can be run", f"{type(error).__name__}: {error}"
        where = f"{place.folder / FILE}"
        remedy = "Mend it, or leave the family out."
        raise UsageError([finding_of("usage", where, expected, found, remedy)]) from error
    for pipeline, usage in declared.items():
        if not isinstance(usage, Usage):
            where = f"{place.folder / FILE}, {pipeline!r}"
            expected, found = "a Usage", with_article(type(usage).__name__)
            remedy = 'Write USAGE = {"pipeline": Usage(...)}.'
            raise UsageError([finding_of("usage", where, expected, found, remedy)])
    return declared
