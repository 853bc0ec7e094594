"""The models of a build: the families' graphs with all of the profile's settings, made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from builders.kit.family import Family
from builders.kit.graph import Ensemble, Model, closure
from builders.kit.graph.bls import bls
from builders.kit.graph.error import GraphError
from builders.kit.graph.layout import clashes
from builders.kit.graph.stage_imports import stage_mistakes
from builders.kit.recipe.fusing import Fuser, Fusing, beside
from builders.kit.recipe.overrides import apply
from builders.kit.recipe.precision import in_precision
from builders.kit.recipe.profile import Profile
from repository.findings import Finding, finding_of

Owners = Mapping[str, tuple[str, ...]]
"""Model's name -> the families whose pipelines it is part of."""


def make_models(
    profile: Profile, families: Mapping[str, Family], findings: list[Finding]
) -> tuple[tuple[Model, ...], Owners, Fusing]:
    """Every model of a repository once, whose it is, and what was fused.

    Args:
        profile: what to build.
        families: by name.
        findings: gets what cannot be.

    Raises:
        ProfileError: the profile's settings do not fit the models.
    """
    counts = [len(family.pipelines) for family in families.values()]
    parts: list[list[Model]] = []
    fusing: list[Fusing] = []

    def with_precision(model: Model) -> Model:
        made = in_precision(profile, model)
        if isinstance(made, Finding):
            findings.append(made)
            return model
        return made

    def forms(settled: Sequence[Model]) -> Sequence[Model]:
        fuser, rest = Fuser.among(settled), list(settled)
        for count in counts:
            own, rest = rest[:count], rest[count:]
            parts.append(_forms(profile, own, fuser, findings))
        fusing.append(fuser.done)
        return [model for own in parts for model in own]

    declared = [pipeline for family in families.values() for pipeline in family.pipelines]
    served = apply(profile, declared, with_precision, forms)
    owners: dict[str, tuple[str, ...]] = {}
    rest = list(served)
    for name, own in zip(families, parts, strict=True):
        for model in closure(rest[: len(own)]):
            owners[model.name] = (*owners.get(model.name, ()), name)
        rest = rest[len(own) :]
    models = closure(served)
    findings += [found for model in models for found in (*clashes(model), *stage_mistakes(model))]
    return models, owners, fusing[0]


def _forms(
    profile: Profile, pipelines: Sequence[Model], fuser: Fuser, findings: list[Finding]
) -> list[Model]:
    """A family's pipelines, fused or with their fused forms, and with their BLS twins."""
    plain: list[Model] = []
    added: list[Model] = []
    for pipeline in pipelines:
        found = _made(fuser.fuse, pipeline, "fuse", findings) if profile.fuse else None
        plain.append(found if found is not None and profile.fuse is True else pipeline)
        if isinstance(found, Ensemble) and profile.fuse == "beside":
            added.append(beside(found))
    for pipeline in plain:
        if profile.bls and isinstance(pipeline, Ensemble):
            twin = _made(bls, pipeline, "bls", findings)
            added += [twin] if twin is not None else []
    return [*plain, *added]


def _made(
    make: Callable[[Ensemble], Model | None],
    pipeline: Model,
    key: str,
    findings: list[Finding],
) -> Model | None:
    """Another form of an ensemble; None if there is none, or if it cannot be, which is told."""
    if not isinstance(pipeline, Ensemble):
        return None
    try:
        return make(pipeline)
    except GraphError as error:
        findings += error.findings
    except ValueError as error:
        remedy = f"Set {key}: false, or mend the pipeline."
        expected = "a pipeline for BLS" if key == "bls" else "a pipeline to fuse"
        findings.append(finding_of("recipe", pipeline.name, expected, str(error), remedy))
    return None
