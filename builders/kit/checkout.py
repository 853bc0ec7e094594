"""Where families lie; known without loading any."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from builders.kit.paths import ROOT

if TYPE_CHECKING:
    from builders.kit.family import Family


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

    def folder(self, family: str) -> Path:
        """A family's folder."""
        return self.root / self.package / family

    def load(self, family: str) -> Family:
        """The family of that name; see :func:`~builders.kit.family.load_family`."""
        from builders.kit.family import Family, load_family

        if self.package == "builders":
            return load_family(family)
        loaded = importlib.import_module(f"{self.package}.{family}.family").FAMILY
        assert isinstance(loaded, Family)
        return loaded
