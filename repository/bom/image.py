"""What the serving image holds beside the repository: Triton's own image, and Python packages."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from repository import licence as source_licence
from repository.errors import RepositoryError
from repository.release import release

STAGES = "# stages:"
"""From here on runtime/Containerfile adds the lines of runtime/requirements.txt to the image."""


class SbomError(RepositoryError):
    """The list of what a repository and its image hold cannot be made; the text says why."""


@dataclass(frozen=True)
class Package:
    """A Python package of the image.

    Attributes:
        name: as the package index writes it, in lower case with hyphens.
        version: the pinned one.
        licence: what the metadata of the one that is installed here declare; empty if none is.
        declared: whether that one is of the same version; else its licence is concluded from it.
    """

    name: str
    version: str
    licence: str
    declared: bool


def packages(triton: str, requirements: str) -> tuple[Package, ...]:
    """The Python packages that the image of a Triton release gets, sorted by name.

    Args:
        triton: the release, as ``24.10``: it decides the image's Python.
        requirements: the text of the requirements file, which is runtime/requirements.txt.

    Raises:
        ReleaseError: the release is not known.
        SbomError: a line is not a requirement, or not pinned to one version.
    """
    _, marker, added = requirements.partition(STAGES)
    if not marker:
        raise SbomError(
            f"the image's requirements: expected a line that begins with '{STAGES}', found none. "
            "Give the file that the image is made with."
        )
    python = release(triton).python
    where = "the image's requirements: expected a package"
    found = []
    for line in map(str.strip, added.splitlines()[1:]):
        if not line or line.startswith("#"):
            continue
        try:
            wanted = Requirement(line)
        except InvalidRequirement as error:
            raise SbomError(f"{where}, found '{line}'. Correct it.") from error
        if wanted.marker is not None and not wanted.marker.evaluate(
            {"python_version": python, "python_full_version": f"{python}.0"}
        ):
            continue
        pins = [each.version for each in wanted.specifier if each.operator == "=="]
        if len(pins) != 1 or len(wanted.specifier) != 1:
            raise SbomError(f"{where} of one version, found '{line}'. Pin it with ==.")
        name = canonicalize_name(wanted.name)
        found.append(Package(name, pins[0], *_licence(name, pins[0])))
    return tuple(sorted(found, key=lambda package: package.name))


def _licence(name: str, version: str) -> tuple[str, bool]:
    try:
        installed = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return "", False
    licence = source_licence.of_distribution(installed.metadata)  # type: ignore[arg-type]
    return "" if licence == source_licence.UNKNOWN else licence, installed.version == version
