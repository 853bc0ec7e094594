"""Families in folders of any place, importable under a package of ours.

A folder may have the name of any package, such as ``json``. So the family ``mine`` is imported as
``outside_families.mine``, whatever its folder is called and whatever else can be imported.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

PACKAGE = "outside_families"

_FOLDERS: dict[str, Path] = {}
"""Family -> its folder."""


def introduce(family: str, folder: Path) -> str:
    """Make a family importable.

    Another folder of the same name gives way to it, with all that was imported of it.

    Args:
        family: its name.
        folder: where its ``family.py`` lies.

    Returns:
        The name of its package.
    """
    package = f"{PACKAGE}.{family}"
    if not any(isinstance(each, _Finder) for each in sys.meta_path):
        sys.meta_path.append(_Finder())
    if _FOLDERS.get(family) != folder:
        forget(package)
        _FOLDERS[family] = folder
    return package


def forget(package: str) -> None:
    """Have the modules of a package imported anew."""
    for name in [each for each in sys.modules if f"{each}.".startswith(f"{package}.")]:
        del sys.modules[name]


class _Finder:
    """Finds :data:`PACKAGE`, which has no file, and the families in it."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name == PACKAGE:
            return importlib.machinery.ModuleSpec(name, None, is_package=True)
        parent, _, family = name.rpartition(".")
        folder = _FOLDERS.get(family) if parent == PACKAGE else None
        if folder is None:
            return None
        first = folder / "__init__.py"
        if first.is_file():
            return importlib.util.spec_from_file_location(
                name, first, submodule_search_locations=[str(folder)]
            )
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        return spec
