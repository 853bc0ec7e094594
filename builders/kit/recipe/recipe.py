"""A profile made concrete: the families' graphs as it wants them, and where their weights lie."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from builders.kit.checkout import Checkout
from builders.kit.export import Export
from builders.kit.family import Family
from builders.kit.graph import Model
from builders.kit.graph.exports import needed_exports, optional_exports
from builders.kit.recipe.checkpoints import find_checkpoints
from builders.kit.recipe.exports import choose_exports
from builders.kit.recipe.families import choose_families
from builders.kit.recipe.fusing import Fusing
from builders.kit.recipe.left_out import LeftOut
from builders.kit.recipe.models import Owners, make_models
from builders.kit.recipe.profile import Profile, ProfileError
from builders.kit.sources import Source, resolve
from repository.findings import Finding
from repository.release import Release, release


@dataclass(frozen=True)
class Recipe:
    """Everything that a build needs to know.

    Attributes:
        profile: what was asked for.
        release: the facts of its Triton release.
        families: by name, in the profile's order, without what is left out.
        left_out: the parts that need a checkpoint that nobody names.
        models: every model of the repository once: pipelines, what they need, BLS twins.
        owners: model's name -> the families whose pipelines it is part of.
        exports: ``family/export`` -> the export: those that a model needs, and those that these are
            made from.
        sources: ``family/component`` -> the checkpoint, for those that some export needs.
        fusing: what was fused, and what was not, and why.
    """

    profile: Profile
    release: Release
    families: Mapping[str, Family]
    left_out: tuple[LeftOut, ...]
    models: tuple[Model, ...]
    owners: Owners
    exports: Mapping[str, Export]
    sources: Mapping[str, Source]
    fusing: Fusing = field(default_factory=Fusing)

    def source_of(self, export: str) -> Source:
        """The checkpoint of an export, given as ``family/export``."""
        return self.sources[f"{export.partition('/')[0]}/{self.exports[export].source}"]

    def bases_of(self, export: str) -> tuple[str, ...]:
        """The exports that one is made from, as ``family/export``; none if that is a checkpoint."""
        family = export.partition("/")[0]
        return tuple(f"{family}/{each.name}" for each in self.exports[export].bases)

    def exports_of(self, model: Model) -> dict[str, str]:
        """The exports that a model needs: their names -> ``family/export``."""
        found: dict[str, str] = {}
        for export in (*needed_exports(model), *optional_exports(model)):
            for family in self.owners[model.name]:
                if f"{family}/{export.name}" in self.exports:
                    found.setdefault(export.name, f"{family}/{export.name}")
        return found


def make_recipe(profile: Profile, checkout: Checkout | None = None) -> Recipe:
    """Load the families of a profile, lay its settings over them, and find their checkpoints.

    Args:
        profile: what to build.
        checkout: where families lie; this checkout if not given.

    Raises:
        ProfileError: the profile names components, models or options that are not there, or
            checkpoints that cannot be found; a family's exports are declared wrongly.
    """
    findings: list[Finding] = []
    checkout = (checkout or Checkout()).with_code(profile.code)

    # A checkpoint may be gigabytes: each is read once.
    @functools.cache
    def found(uri: str, base: Path) -> Source:
        return resolve(uri, offline=not profile.hub, base=base)

    families = choose_families(
        profile, checkout, lambda uri: found(uri, profile.folder).path, findings
    )
    models, owners, fusing = make_models(profile, families.built, findings)
    exports = choose_exports(models, owners, families)
    sources = find_checkpoints(profile, families.built, families.bases, exports, found, findings)
    if findings:
        raise ProfileError(findings)
    return Recipe(
        profile=profile,
        release=release(profile.triton),
        families=families.built,
        left_out=families.left_out,
        models=models,
        owners=owners,
        fusing=fusing,
        exports=exports,
        sources=sources,
    )
