"""The pipeline ``vision`` for towers that take images of one size."""

from __future__ import annotations

from builders.kit.graph import (
    BATCH,
    LATER_STEP,
    DynamicBatching,
    Ensemble,
    InstanceGroup,
    OnnxModel,
    PythonModel,
    Tensor,
)
from builders.kit.graph.options import Whole
from builders.vision.checkpoint.eye import Eye
from builders.vision.checkpoint.processor.read import PROCESSOR, read_processor
from builders.vision.options import VisionOptions
from builders.vision.pipelines.decoding import decoder, image, pixels
from builders.vision.stages.processors.pixels import MAXIMUM_PIXELS
from builders.vision.towers import fixed
from builders.vision.towers.normalise import arithmetic
from repository.arrays import DType

LARGEST_BATCH = 8
"""Images in one call of the tower."""


def pipeline(eye: Eye, options: VisionOptions) -> Ensemble:
    """``decode_rgb >> preprocess >> encode >> adapt``; without a projector, no ``adapt``.

    Args:
        eye: the checkpoint's.
        options: what the profile says.
    """
    interpolate = eye.interpolates if options.interpolate is None else options.interpolate
    encoder, adapter = fixed.exports(eye, interpolate)
    sides = None if interpolate else eye.tower.side
    decode_rgb = decoder(read_processor(eye.path, ("fixed",), sides))
    side = -1 if interpolate else eye.tower.side
    tokens = -1 if interpolate else eye.tokens
    planes = {"channels": 3, "height": side, "width": side}
    seen = {"tokens": tokens, "features": eye.tower.hidden * len(eye.feature_layers)}
    embeds = {"tokens": tokens, "hidden": eye.hidden}
    batch = {BATCH: -1}
    preprocess = PythonModel(
        name="preprocess",
        inputs=(pixels,),
        outputs=(Tensor("pixel_values", DType.FP32, planes),),
        stage="builders.vision.stages.preprocess",
        parameters={"maximum_pixels": str(MAXIMUM_PIXELS)},
        options={"maximum_pixels": Whole(1, 2**31 - 1)},
        exports=(PROCESSOR,),
        instances=(InstanceGroup(count=2),),
        queue=LATER_STEP,
        arithmetic=arithmetic(fixed.sizes(eye, interpolate)),
    )
    features = Tensor("features", DType.FP32, batch | seen)
    pooled = Tensor("pooled", DType.FP32, batch | {"pooled": eye.pooled})
    encode = OnnxModel(
        name="encode",
        inputs=(Tensor("pixel_values", DType.FP32, batch | planes),),
        outputs=(features, pooled) if eye.projects else (pooled,),
        export=encoder,
        max_batch_size=LARGEST_BATCH,
        batching=DynamicBatching(),
        queue=LATER_STEP,
    )
    found = Tensor("pooled", DType.FP32, {"pooled": eye.pooled})
    if adapter is None:
        return Ensemble(
            name="vision",
            inputs=(image,),
            outputs=(found,),
            steps=decode_rgb >> preprocess >> encode,
        )
    adapt = OnnxModel(
        name="adapt",
        inputs=(features,),
        outputs=(Tensor("image_embeds", DType.FP32, batch | embeds),),
        export=adapter,
        max_batch_size=LARGEST_BATCH,
        batching=DynamicBatching(),
        queue=LATER_STEP,
    )
    return Ensemble(
        name="vision",
        inputs=(image,),
        outputs=(Tensor("image_embeds", DType.FP32, embeds), found),
        steps=decode_rgb >> preprocess >> encode >> adapt,
    )
