"""In which precision a model is computed."""

from __future__ import annotations

from dataclasses import replace

from builders.kit.graph import Model, OnnxModel
from builders.kit.onnx.variants import int8
from builders.kit.recipe.profile import Profile
from repository.findings import Finding, finding_of


def in_precision(profile: Profile, model: Model) -> Model | Finding:
    """The model in the profile's ``models.<name>.precision``, or why that cannot be.

    Args:
        profile: what was asked for.
        model: as the profile wants it served.

    Returns:
        A model in int8 reads another export, which is made from its own.
    """
    if model.name not in profile.models or profile.models[model.name].precision == "fp32":
        return model
    where = f"profile, models.{model.name}.precision"
    if not isinstance(model, OnnxModel):
        found = f"int8 for '{model.name}', which is no ONNX model"
        return finding_of("precision", where, "int8 for an ONNX model", found, "Remove it.")
    if profile.device == "gpu" or any(each.kind == "KIND_GPU" for each in model.instances):
        remedy = "Remove it: these integer products are for CPUs, a GPU is faster without them."
        return finding_of("precision", where, "fp32 on a GPU", "int8", remedy)
    if model.export.int8 is None:
        found = f"none for '{model.export.name}'"
        remedy = "Remove it, or have the family say what int8 must reach (Export.int8)."
        return finding_of("precision", where, "an export with bounds for int8", found, remedy)
    return replace(model, export=int8(model.export))
