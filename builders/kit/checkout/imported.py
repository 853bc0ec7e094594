"""Runs a family's ``family.py``; an error names the file and the line."""

from __future__ import annotations

import importlib
import traceback
from pathlib import Path

from builders.errors import FamilyError
from builders.kit.paths import BUILDERS
from repository.errors import KitError
from repository.families.outside import PACKAGE, forget
from repository.families.places import MODULE, Place
from repository.findings import Finding, finding_of
from repository.pip_commands import install_command

EXTRA = install_command("torch")
"""What installs what the kit's own families import."""


def run(family: str, place: Place) -> object:
    """What a family's module calls ``FAMILY``.

    Args:
        family: its name.
        place: where it lies.

    Raises:
        FamilyError: the module cannot be run, or has no ``FAMILY``.
    """
    try:
        module = importlib.import_module(f"{place.package}.family")
    except (Exception, SystemExit) as error:
        if place.package.startswith(f"{PACKAGE}."):
            # What was imported of it so far is not what mended files would give.
            forget(place.package)
        raise FamilyError([_failed(family, place, error)]) from error
    if not hasattr(module, "FAMILY"):
        where = f"the family '{family}', {place.folder / MODULE}"
        remedy = "Write FAMILY = Family(…) at its end."
        raise FamilyError([finding_of("family", where, "a FAMILY", "none", remedy)])
    return module.FAMILY


def _failed(family: str, place: Place, error: BaseException) -> Finding:
    where = f"the family '{family}'"
    at = _at(place.folder, error)
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing and not _is_own(missing, place):
        package = missing.partition(".")[0]
        # Those of the kit's extra are what its own families need.
        ours = place.folder.parent == BUILDERS or package in ("torch", "transformers", "onnxscript")
        remedy = f"Install it: {EXTRA}." if ours else "Install it into this environment."
        expected, found = f"the package of '{missing}'", f"none that is installed, at {at}"
        return finding_of("family", where, expected, found, remedy)
    known = isinstance(error, KitError)
    told = str(error) if known else traceback.format_exception_only(error)[-1].strip()
    expected, remedy = "code that can be imported", "Mend that line."
    return finding_of("family", where, expected, f"{told.rstrip('.')}, at {at}", remedy)


def _is_own(module: str, place: Place) -> bool:
    top = module.partition(".")[0]
    return top == "builders" or top == place.package.partition(".")[0]


def _at(folder: Path, error: BaseException) -> str:
    """The file and line of the family's code at which an error came up."""
    if isinstance(error, SyntaxError) and error.filename:
        frames = [(Path(error.filename), error.lineno)]
    else:
        stack = traceback.extract_tb(error.__traceback__)
        frames = [(Path(each.filename), each.lineno) for each in stack]
    own = [each for each in frames if each[0].is_relative_to(folder)]
    file, line = (own or [(folder / MODULE, 1)])[-1]
    return f"{file.relative_to(folder.parent)}, line {line}"
