"""What a build leaves out, since it needs a checkpoint that neither family nor profile names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from builders.kit.family import Family
from builders.kit.graph import closure
from builders.kit.graph.exports import needed_exports, optional_exports


@dataclass(frozen=True)
class LeftOut:
    """A pipeline, or a file that a stage can do without.

    Attributes:
        family: its family.
        kind: "pipeline", or "export".
        name: its name.
        components: those of the family that have no source.
    """

    family: str
    kind: str
    name: str
    components: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.kind} {self.name if self.kind == 'pipeline' else self.subject}"

    @property
    def subject(self) -> str:
        """``family/name``."""
        return f"{self.family}/{self.name}"

    @property
    def remedy(self) -> str:
        """How to have it built."""
        settings = " and ".join(f"families.{self.family}.sources.{c}" for c in self.components)
        return f"set {settings} in the profile to have it"


def reduce(family: Family, uris: Mapping[str, str | None]) -> tuple[Family, tuple[LeftOut, ...]]:
    """A family without the parts whose checkpoint is not named, and those parts.

    Args:
        family: as declared.
        uris: component -> where its checkpoint is; None if nobody says.
    """
    absent = {
        export.name: export.source
        for export in family.exports
        if export.source in uris and uris[export.source] is None
    }
    if not absent:
        return family, ()
    left = list(_left_out(family, absent))
    pipelines = {each.name for each in left if each.kind == "pipeline"}
    reduced = replace(
        family,
        pipelines=tuple(each for each in family.pipelines if each.name not in pipelines),
        metrics=tuple(each for each in family.metrics if pipelines.isdisjoint(each.pipelines)),
    )
    return reduced, tuple(left)


def _left_out(family: Family, absent: Mapping[str, str]) -> Iterator[LeftOut]:
    spared: dict[str, None] = {}
    for pipeline in family.pipelines:
        models = closure((pipeline,))
        missing = {
            absent[each.name]: None
            for model in models
            for each in needed_exports(model)
            if each.name in absent
        }
        if missing:
            yield LeftOut(family.name, "pipeline", pipeline.name, tuple(missing))
            continue
        optional = (each.name for model in models for each in optional_exports(model))
        spared |= dict.fromkeys(name for name in optional if name in absent)
    for name in spared:
        yield LeftOut(family.name, "export", name, (absent[name],))
