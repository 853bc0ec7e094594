"""The exports that a model's version folder holds."""

from __future__ import annotations

from builders.kit.export import Export
from builders.kit.graph import Model, OnnxModel, PlanModel, PythonModel


def needed_exports(model: Model) -> tuple[Export, ...]:
    """The exports that a model cannot do without."""
    if isinstance(model, OnnxModel | PlanModel):
        return (model.export,)
    return model.exports if isinstance(model, PythonModel) else ()


def optional_exports(model: Model) -> tuple[Export, ...]:
    """The exports that a model uses where there are any."""
    return model.optional_exports if isinstance(model, PythonModel) else ()
