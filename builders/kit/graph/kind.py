"""The kinds of models."""

from __future__ import annotations

from builders.kit.graph import Ensemble, GivenModel, Model, OnnxModel, PlanModel
from builders.kit.graph.bls import BlsModel


def kind_of(model: Model) -> str:
    """The kind of a model, in a word."""
    if isinstance(model, BlsModel):
        return "bls"
    if isinstance(model, Ensemble):
        return "ensemble"
    if isinstance(model, OnnxModel):
        return "onnx"
    if isinstance(model, GivenModel):
        return "given"
    return "plan" if isinstance(model, PlanModel) else "python"
