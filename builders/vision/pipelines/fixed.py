"""The pipeline ``vision`` for towers that take images of one size."""

from __future__ import annotations

from builders.kit.graph import Ensemble, Tensor
from builders.kit.graph.options import Whole
from builders.vision.checkpoint.eye import Eye
from builders.vision.checkpoint.processor.read import PROCESSOR, read_processor
from builders.vision.options import VisionOptions
from builders.vision.pipelines.models import QUICK, batched, decoder, image, preprocess
from builders.vision.towers import fixed
from builders.vision.towers.normalise import arithmetic
from repository.arrays import DType


def interpolates(eye: Eye, options: VisionOptions) -> bool:
    """Whether an eye of one size is to see images of other sizes too."""
    asked = eye.interpolates if options.interpolate is None else options.interpolate
    return eye.kind == "fixed" and asked


def pipeline(eye: Eye, options: VisionOptions) -> Ensemble:
    """``decode_rgb >> preprocess >> encode >> adapt``; without a projector, no ``adapt``.

    Args:
        eye: the checkpoint's.
        options: what the profile says.
    """
    interpolate = interpolates(eye, options)
    encoder, adapter = fixed.exports(eye, interpolate)
    sides = None if interpolate else eye.tower.side
    decode_rgb = decoder(read_processor(eye.path, ("fixed",), sides))
    side = -1 if interpolate else eye.tower.side
    tokens = -1 if interpolate else eye.tokens
    planes = {"channels": 3, "height": side, "width": side}
    seen = {"tokens": tokens, "features": eye.tower.hidden * len(eye.feature_layers)}
    pixel_values = Tensor("pixel_values", DType.FP32, planes)
    features = Tensor("features", DType.FP32, seen)
    embeds = Tensor("image_embeds", DType.FP32, {"tokens": tokens, "hidden": eye.hidden})
    pooled = Tensor("pooled", DType.FP32, {"pooled": eye.pooled})
    prepare = preprocess(
        "preprocess",
        PROCESSOR,
        (pixel_values,),
        settings={
            "maximum_patches": (options.maximum_patches, Whole(1, 1 << 20)),
            "patch_size": (eye.tower.patch, Whole(eye.tower.patch, eye.tower.patch)),
        }
        if interpolate
        else None,
        arithmetic=arithmetic(fixed.sizes(eye, interpolate)),
    )
    encoded = (features, pooled) if eye.projects else (pooled,)
    quick = eye.tower.products <= QUICK
    encode = batched("encode", (pixel_values,), encoded, encoder, quick=quick)
    steps = decode_rgb >> prepare >> encode
    if adapter is None:
        return Ensemble(name="vision", inputs=(image,), outputs=(pooled,), steps=steps)
    adapt = batched("adapt", (features,), (embeds,), adapter, quick=quick)
    return Ensemble(name="vision", inputs=(image,), outputs=(embeds, pooled), steps=steps >> adapt)
