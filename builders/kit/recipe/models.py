"""The models of a build: the families' graphs with all of the profile's settings, made once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from builders.kit.family import Family
from builders.kit.graph import Ensemble, Model, closure
from builders.kit.graph.bls import bls
from builders.kit.graph.error import GraphError
from builders.kit.graph.layout import clashes
from builders.kit.graph.stage_imports import stage_mistakes
from builders.kit.recipe.overrides import apply
from builders.kit.recipe.precision import in_precision
from builders.kit.recipe.profile import Profile
from repository.findings import Finding, finding_of

Owners = Mapping[str, tuple[str, ...]]
"""Model's name -> the families whose pipelines it is part of."""


def make_models(
    profile: Profile, families: Mapping[str, Family], findings: list[Finding]
) -> tuple[tuple[Model, ...], Owners]:
    """Every model of a repository once, and whose it is.

    Args:
        profile: what to build.
        families: by name.
        findings: gets what cannot be.

    Raises:
        ProfileError: the profile's settings do not fit the models.
    """
    pipelines: list[Model] = []
    owners: dict[str, tuple[str, ...]] = {}
    for name, family in families.items():
        own = [*family.pipelines, *(_twins(family, findings) if profile.bls else ())]
        pipelines += own
        for model in closure(own):
            owners[model.name] = (*owners.get(model.name, ()), name)

    def with_precision(model: Model) -> Model:
        made = in_precision(profile, model)
        if isinstance(made, Finding):
            findings.append(made)
            return model
        return made

    models = closure(apply(profile, pipelines, with_precision))
    findings += [found for model in models for found in (*clashes(model), *stage_mistakes(model))]
    return models, owners


def _twins(family: Family, findings: list[Finding]) -> Iterable[Model]:
    for pipeline in family.pipelines:
        if isinstance(pipeline, Ensemble):
            try:
                yield bls(pipeline)
            except GraphError as error:
                findings += error.findings
            except ValueError as error:
                remedy = "Set bls: false, or mend the pipeline."
                found = str(error)
                findings.append(
                    finding_of("recipe", pipeline.name, "a pipeline for BLS", found, remedy)
                )
