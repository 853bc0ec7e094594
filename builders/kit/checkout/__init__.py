"""Where families lie, found and loaded by their names; known without loading any."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from builders.errors import FamilyError, NotDeclared
from builders.kit.paths import ROOT
from repository.findings import finding_of

if TYPE_CHECKING:
    from builders.kit.family import ConfiguredFamily, Family


@dataclass(frozen=True)
class Checkout:
    """Where families lie.

    Attributes:
        root: the folder of :attr:`package`.
        package: the package whose folders are families.
    """

    root: Path = ROOT
    package: str = "builders"

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders whose modules count as our code."""
        return tuple(dict.fromkeys((ROOT, self.root)))

    @property
    def families(self) -> tuple[str, ...]:
        """The names of all families, sorted."""
        found = (self.root / self.package).glob("*/family.py")
        return tuple(sorted(path.parent.name for path in found if path.parent.name != "kit"))

    def folder(self, family: str) -> Path:
        """A family's folder."""
        return self.root / self.package / family

    def load(self, family: str) -> Family | ConfiguredFamily:
        """The family of that name, or what a profile makes one of.

        Raises:
            NotDeclared: no such folder; the message lists those there are.
            FamilyError: it imports a package that is not installed.
        """
        from builders.kit.family import ConfiguredFamily, Family

        if family not in self.families:
            expected, remedy = f"one of {', '.join(self.families)}", "Name one of those."
            raise NotDeclared([finding_of("family", "the family", expected, f"'{family}'", remedy)])
        try:
            loaded = importlib.import_module(f"{self.package}.{family}.family").FAMILY
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] in ("builders", self.package):
                raise
            where, expected = f"the family '{family}'", f"the package of '{error.name}'"
            remedy = "Install it: pip install -c constraints.txt -e '.[torch]'."
            raise FamilyError(
                [finding_of("family", where, expected, "none that is installed", remedy)]
            ) from error
        assert isinstance(loaded, Family | ConfiguredFamily)
        return loaded

    def declared(self, family: str) -> Family | None:
        """The family of that name, which needs no profile; None if it needs one.

        Raises:
            NotDeclared: as :meth:`load`.
            FamilyError: likewise.
        """
        from builders.kit.family import Family

        loaded = self.load(family)
        return loaded if isinstance(loaded, Family) else None
