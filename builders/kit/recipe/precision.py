"""Which models of a recipe are computed in which precision, and the exports that this takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from builders.kit.family import Export, Family
from builders.kit.graph import Model, OnnxModel
from builders.kit.onnx.variants import SUFFIX, int8
from builders.kit.recipe.overrides import remade
from builders.kit.recipe.profile import Profile
from repository.findings import Finding, finding_of


def chosen(
    profile: Profile,
    models: Sequence[Model],
    families: Mapping[str, Family],
    owners: Mapping[str, Sequence[str]],
    findings: list[Finding],
) -> tuple[tuple[Model, ...], dict[str, Family]]:
    """The models and families as the profile's precisions want them.

    Args:
        profile: with ``models.<name>.precision``.
        models: all that is built.
        families: by name.
        owners: model's name -> its families.
        findings: gets what cannot be.

    Returns:
        The models, of which those in int8 read another export, and the families with these.
    """
    families = dict(families)
    fit: set[str] = set()
    for model in models:
        if model.name not in profile.models or profile.models[model.name].precision == "fp32":
            continue
        exports = [
            (family, export)
            for family in owners[model.name]
            for export in families[family].exports
            if isinstance(model, OnnxModel) and export.name == model.export
        ]
        if problem := _impossible(profile, model, exports):
            findings.append(problem)
            continue
        fit.add(model.name)
        for family, export in exports:
            families[family] = _with(families[family], int8(export))

    def change(model: Model) -> Model:
        if model.name in fit and isinstance(model, OnnxModel):
            return replace(model, export=model.export + SUFFIX)
        return model

    return remade(models, change), families


def _impossible(
    profile: Profile, model: Model, exports: Sequence[tuple[str, Export]]
) -> Finding | None:
    """Why a model cannot be computed in int8; None if it can."""
    where = f"profile, models.{model.name}.precision"
    if not isinstance(model, OnnxModel):
        found = f"int8 for '{model.name}', which is no ONNX model"
        return finding_of("precision", where, "int8 for an ONNX model", found, "Remove it.")
    if profile.device == "gpu" or any(each.kind == "KIND_GPU" for each in model.instances):
        remedy = "Remove it: these integer products are for CPUs, a GPU is faster without them."
        return finding_of("precision", where, "fp32 on a GPU", "int8", remedy)
    lacking = [export.name for _, export in exports if export.int8 is None]
    if lacking:
        found = f"none for '{lacking[0]}'"
        remedy = "Remove it, or have the family say what int8 must reach (Export.int8)."
        return finding_of("precision", where, "an export with bounds for int8", found, remedy)
    return None


def _with(family: Family, export: Export) -> Family:
    if export.name in {each.name for each in family.exports}:
        return family
    return replace(family, exports=(*family.exports, export))
