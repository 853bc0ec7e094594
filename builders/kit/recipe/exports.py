"""The exports that models need."""

from __future__ import annotations

from collections.abc import Iterable

from builders.kit.export import Export
from builders.kit.graph import Model
from builders.kit.graph.exports import needed_exports, optional_exports
from builders.kit.recipe.families import Families
from builders.kit.recipe.models import Owners


def choose_exports(
    models: Iterable[Model], owners: Owners, families: Families
) -> dict[str, Export]:
    """``family/export`` -> each export that a model needs, and the exports that it is made from.

    Args:
        models: all that is built.
        owners: model's name -> its families.
        families: what is left out of them.
    """
    absent = {each.subject for each in families.left_out if each.kind == "export"}
    chosen: dict[str, Export] = {}
    for model in models:
        for family in owners[model.name]:
            for export in (*needed_exports(model), *optional_exports(model)):
                if f"{family}/{export.name}" not in absent:
                    chosen |= {f"{family}/{each.name}": each for each in export.lineage}
    return dict(sorted(chosen.items()))
