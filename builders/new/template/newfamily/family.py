"""An image in, its labels with their probabilities out."""

from __future__ import annotations

from builders.kit.family import Family, Metric
from builders.kit.graph import (
    LATER_STEP,
    ONE_THREAD,
    DType,
    DynamicBatching,
    Ensemble,
    OnnxModel,
    PythonModel,
    Tensor,
)
from builders.stages.models import decode_image

from . import metric
from .exports import CLASSIFIER, LABELS

# Tensors join the steps by their names. An axis of -1 is free, or of a size that a made file has.
image = decode_image.inputs[0]
pixels = decode_image.outputs[0]
planes = Tensor("planes", DType.FP32, {"batch": -1, "channels": 3, "rows": -1, "columns": -1})
logits = Tensor("logits", DType.FP32, {"batch": -1, "labels": -1})
label = Tensor("label", DType.BYTES, {"labels": -1})
score = Tensor("score", DType.FP32, {"labels": -1})

prepare = PythonModel(
    name="newfamily_prepare",
    inputs=(pixels,),
    outputs=(planes,),
    stage=f"{__package__}.stages.prepare",
    queue=LATER_STEP,
)
classify = OnnxModel(
    name="newfamily_classify",
    inputs=(planes,),
    outputs=(logits,),
    export=CLASSIFIER,
    # Requests that wait at the same time are computed together.
    max_batch_size=16,
    batching=DynamicBatching(),
    parameters=ONE_THREAD,
    queue=LATER_STEP,
)
tell = PythonModel(
    name="newfamily_label",
    inputs=(logits,),
    outputs=(label, score),
    stage=f"{__package__}.stages.label",
    exports=(LABELS,),
    queue=LATER_STEP,
)
newfamily = Ensemble(
    name="newfamily",
    inputs=(image,),
    outputs=(label, score),
    steps=decode_image >> prepare >> classify >> tell,
)

FAMILY = Family(
    name="newfamily",
    # A relative path here starts at this folder.
    sources={"network": "path:checkpoint"},
    pipelines=(newfamily,),
    metrics=(
        Metric(
            name="accuracy",
            pipeline="newfamily",
            bound=0.9,
            better="higher",
            measure=metric.accuracy,
        ),
    ),
)
