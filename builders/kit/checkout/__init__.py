"""Where families lie, found and loaded by their names; known without loading any.

A family is a folder with a module ``family.py``. It lies in the kit's package ``builders``; or in a
folder that a profile names, ``families: {mine: {code: "path:./mine"}}``; or in an installed package
that offers it by an entry point of the group ``triton_multimodal_kit.families``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from builders.errors import FamilyError, NotDeclared
from repository.families import FamilyMisplaced
from repository.families.places import MODULE, Place, in_folder, in_package, in_packages
from repository.files.yaml_file import suggest
from repository.findings import finding_of, with_article
from repository.places import ROOT

if TYPE_CHECKING:
    from builders.kit.family import ConfiguredFamily, Family


@dataclass(frozen=True)
class Checkout:
    """Where families lie.

    Attributes:
        root: the folder of :attr:`package`.
        package: the package whose folders are families.
        code: folders of further families, by the families' names.
    """

    root: Path = ROOT
    package: str = "builders"
    code: Mapping[str, Path] = field(default_factory=dict)

    def with_code(self, code: Mapping[str, Path]) -> Checkout:
        """The same, with families in further folders."""
        return replace(self, code={**self.code, **code}) if code else self

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders whose modules count as our code."""
        return tuple(dict.fromkeys((ROOT, self.root)))

    def packages(self, families: Iterable[str]) -> dict[str, Path]:
        """Further packages whose modules count as code of families, and the folder of each."""
        found: dict[str, Path] = {}
        for family in families:
            found |= self.place(family).ours
        return found

    @property
    def families(self) -> tuple[str, ...]:
        """The names of all families, sorted."""
        return tuple(sorted({*self._own, *self.code, *in_packages()}))

    def folder(self, family: str) -> Path:
        """A family's folder; raises as :meth:`place`."""
        return self.place(family).folder

    def place(self, family: str) -> Place:
        """Where a family lies.

        Raises:
            NotDeclared: there is none of that name; the message lists the families.
            FamilyError: there are two in different places, or an entry point leads to none.
        """
        try:
            places = list(self._places(family))
        except FamilyMisplaced as error:
            raise FamilyError(error.findings) from error
        if not places:
            known = self.families
            expected, found = f"one of {', '.join(known)}", f"'{family}'"
            remedy = suggest(family, known)
            raise NotDeclared([finding_of("family", "the family", expected, found, remedy)])
        others = [each for each in places if not each.folder.samefile(places[0].folder)]
        if others:
            found = " and ".join(each.told for each in (places[0], *others))
            remedy = "Rename one of them, or remove it."
            raise FamilyError(
                [finding_of("family", f"the family '{family}'", "it in one place", found, remedy)]
            )
        return places[0]

    def load(self, family: str) -> Family | ConfiguredFamily:
        """The family of that name, or what a profile makes one of.

        Raises:
            NotDeclared: as :meth:`place`.
            FamilyError: as :meth:`place`; or its code cannot be imported, as it raises or needs a
                package that is not installed; or what it declares is no family, or one of another
                name.
        """
        from builders.kit.checkout.imported import run
        from builders.kit.family import ConfiguredFamily, Family

        place = self.place(family)
        loaded = run(family, place)
        where = f"the family '{family}', {place.folder / MODULE}"
        if not isinstance(loaded, Family | ConfiguredFamily):
            expected, found = "FAMILY to be a Family", with_article(type(loaded).__name__)
            remedy = "Write FAMILY = Family(…)."
            raise FamilyError([finding_of("family", where, expected, found, remedy)])
        if loaded.name != family:
            expected, found = f"a family of the name '{family}'", f"name={loaded.name!r}"
            remedy = "Give it one name, there and where it is asked for."
            raise FamilyError([finding_of("family", where, expected, found, remedy)])
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

    @property
    def _own(self) -> list[str]:
        """The names of the families in :attr:`package`."""
        found = (self.root / self.package).glob(f"*/{MODULE}")
        return [path.parent.name for path in found if path.parent.name != "kit"]

    def _places(self, family: str) -> Iterator[Place]:
        if family in self._own:
            folder = self.root / self.package / family
            yield Place(folder, f"{self.package}.{family}", {}, f"the folder {folder}")
        if family in self.code:
            yield in_folder(family, self.code[family])
        for entry in in_packages().get(family, ()):
            yield in_package(entry)
