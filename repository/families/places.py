"""Where a family lies: in the kit, in a folder that somebody names, or in an installed package."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from repository.families import FamilyMisplaced
from repository.families.outside import introduce
from repository.findings import Finding, finding_of, shortened

GROUP = "triton_multimodal_kit.families"
"""The entry points by which installed packages offer families: name = "package of the family"."""

MODULE = "family.py"
"""The module that makes a folder a family."""


@dataclass(frozen=True)
class Place:
    """Where one family lies.

    Attributes:
        folder: its folder.
        package: the name that it is imported under.
        ours: packages whose modules count as code of the family -> the folder of each.
        told: the place in words.
    """

    folder: Path
    package: str
    ours: Mapping[str, Path]
    told: str


def in_folder(family: str, folder: Path) -> Place:
    """A family in a folder that somebody named."""
    package = introduce(family, folder)
    return Place(folder, package, {package: folder}, f"the folder {folder}")


def in_packages() -> dict[str, tuple[importlib.metadata.EntryPoint, ...]]:
    """What installed packages offer, by the families' names."""
    return _in_packages(tuple(sys.path))


def in_package(entry: importlib.metadata.EntryPoint) -> Place:
    """The family of an entry point, found without running any of its code.

    Raises:
        FamilyMisplaced: there is no such package, or no family in it.
    """
    distribution = entry.dist.name if entry.dist is not None else "an installed package"
    told = f"the entry point of {distribution}, {entry.name} = {entry.value}"
    folders = dict(_folders(entry.value))
    folder = folders.get(entry.value)
    if folder is None or not (folder / MODULE).is_file():
        raise FamilyMisplaced(
            [
                finding_of(
                    "family",
                    told,
                    f"the name of a package whose folder has a file {MODULE}",
                    f"no {MODULE} in {folder}" if folder else f"no package '{entry.value}'",
                    f"Mend the entry point in {distribution}, or uninstall it.",
                )
            ]
        )
    return Place(folder, entry.value, folders, told)


def folder_of(uri: str, base: Path | None = None) -> Path:
    """The folder that a URI of code names.

    Args:
        uri: as ``path:./mine``.
        base: where relative paths start; the working directory if not given.

    Raises:
        FamilyMisplaced: another scheme, no folder, or one without a family.
    """
    scheme, colon, name = uri.partition(":")
    if not colon or scheme != "path":
        expected = "path: and the folder of a family"
        bare = not colon and (base or Path.cwd()).joinpath(uri).is_dir()
        remedy = f"Write path:{uri}." if bare else "Fetch the code yourself, and name its folder."
        raise FamilyMisplaced([_refusal(expected, repr(shortened(uri)), remedy)])
    if not name.strip() or "\0" in name:
        raise FamilyMisplaced(
            [_refusal("a folder after 'path:'", repr(shortened(name)), "Write it, as path:./mine.")]
        )
    # Unlike Path's, these leave the name of an unknown user as it is, and follow no links.
    folder = Path(os.path.abspath((base or Path.cwd()) / os.path.expanduser(name)))  # noqa: PTH100, PTH111
    if not folder.is_dir():
        found = f"a file, {folder}" if folder.exists() else f"nothing at {folder}"
        start = "a profile's folder" if base else "the working directory"
        raise FamilyMisplaced(
            [_refusal("the folder of a family", found, f"Relative paths start at {start}.")]
        )
    if not (folder / MODULE).is_file():
        below = sorted(folder.glob(f"*/{MODULE}"))
        remedy = (
            f"Did you mean path:{name.rstrip('/')}/{below[0].parent.name}?"
            if len(below) == 1
            else f"Write its {MODULE}, or name another folder."
        )
        raise FamilyMisplaced(
            [_refusal(f"a folder with a file {MODULE}", f"none in {folder}", remedy)]
        )
    return folder


@functools.lru_cache(maxsize=1)
def _in_packages(path: tuple[str, ...]) -> dict[str, tuple[importlib.metadata.EntryPoint, ...]]:
    found: dict[str, tuple[importlib.metadata.EntryPoint, ...]] = {}
    for each in importlib.metadata.entry_points(group=GROUP):
        found[each.name] = (*found.get(each.name, ()), each)
    return found


def _refusal(expected: str, found: str, remedy: str) -> Finding:
    return finding_of("family", "code", expected, found, remedy)


def _folders(package: str) -> Iterator[tuple[str, Path]]:
    """A package and those that it lies in, each with its folder; as far as they are there.

    A namespace package, which may have many folders, is left out.
    """
    top, *below = package.split(".")
    try:
        spec = importlib.util.find_spec(top) if top else None
    except (ImportError, ValueError):
        return
    folders = [Path(each) for each in (spec and spec.submodule_search_locations) or ()]
    name = top
    for part in (*below, None):
        own = [each for each in folders if name == package or (each / "__init__.py").is_file()]
        if own:
            yield name, own[0]
        name = f"{name}.{part}"
        folders = [each / part for each in folders if part and (each / part).is_dir()]
