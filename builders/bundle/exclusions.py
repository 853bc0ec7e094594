"""What excludes or needs what: ``kserve/exclusions.yaml``, which the docs and the tests share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from builders.bundle.parts import documents

FILE = "exclusions.yaml"


@dataclass(frozen=True)
class Only:
    """The overlays that a component is for, if not all."""

    overlays: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Needs:
    """The component that another one does nothing without."""

    component: str
    why: str


@dataclass(frozen=True)
class Exclusions:
    """The table.

    Attributes:
        only: component -> its overlays.
        needs: component -> what it needs.
        repository: the components that are for services of the model repository alone.
        never: parts that cannot be together -> why.
    """

    only: dict[str, Only]
    needs: dict[str, Needs]
    repository: tuple[str, ...]
    never: dict[frozenset[str], str]

    def among(self, chosen: Sequence[str]) -> Iterator[tuple[str, str, str]]:
        """Parts that exclude each other, in the order in which they were chosen, and why."""
        for pair, why in self.never.items():
            found = [each for each in dict.fromkeys(chosen) if each in pair]
            if len(found) == len(pair):
                yield found[0], found[-1], why


def exclusions(folder: Path) -> Exclusions:
    """The table of a folder as ``kserve/``."""
    (read,) = documents(folder / FILE)
    return Exclusions(
        {name: Only(tuple(each["overlays"]), each["why"]) for name, each in read["only"].items()},
        {name: Needs(each["component"], each["why"]) for name, each in read["needs"].items()},
        tuple(read["repository"]),
        {frozenset(each["together"]): each["why"] for each in read["never"]},
    )
