"""The exports that models need."""

from __future__ import annotations

from collections.abc import Iterable

from builders.kit.family import Export
from builders.kit.graph import Model
from builders.kit.onnx.variants import variants
from builders.kit.recipe.families import Families
from builders.kit.recipe.left_out import needed_exports, optional_exports
from builders.kit.recipe.models import Owners
from repository.files.yaml_file import suggest
from repository.findings import Finding, finding_of


def choose_exports(
    models: Iterable[Model], owners: Owners, families: Families, findings: list[Finding]
) -> dict[str, Export]:
    """``family/export`` -> each export that a model needs, and those that such are made from.

    Args:
        models: all that is built.
        owners: whose each is.
        families: what declares the exports.
        findings: gets exports that no family of a model has.
    """
    known = {name: variants(family.exports) for name, family in families.built.items()}
    chosen: dict[str, Export] = {}
    for model in models:
        optional = optional_exports(model)
        for need in (*needed_exports(model), *optional):
            having = [family for family in owners[model.name] if need in known[family]]
            for family in having:
                export = known[family][need]
                chosen[f"{family}/{need}"] = export
                if export.of in known[family]:
                    chosen[f"{family}/{export.of}"] = known[family][export.of]
            declared = [
                each.name for own in owners[model.name] for each in families.declared[own].exports
            ]
            if not having and not (need in optional and need in declared):
                findings.append(
                    finding_of(
                        "recipe",
                        f"graph, {model.name}.export",
                        f"one of {', '.join(declared)}",
                        f"'{need}'",
                        suggest(need, declared),
                    )
                )
    return dict(sorted(chosen.items()))
