"""The pipeline ``vision`` for towers that take patches of any aspect ratio."""

from __future__ import annotations

import math

from builders.kit.graph import Ensemble, Tensor
from builders.vision.checkpoint.eye import Eye
from builders.vision.checkpoint.naflex import PROCESSOR
from builders.vision.checkpoint.processor.read import read_processor
from builders.vision.options import VisionOptions
from builders.vision.pipelines.models import QUICK, batched, decoder, image, preprocess
from builders.vision.towers import naflex
from repository.arrays import DType


def pipeline(eye: Eye, options: VisionOptions) -> Ensemble:
    """``decode_rgb >> preprocess >> encode``.

    Args:
        eye: the checkpoint's.
        options: what the profile says; nothing of it concerns these towers.

    Raises:
        SourceError: an image processor that is not served.
    """
    processor = read_processor(eye.path, ("naflex",), patch=eye.tower.patch)
    decode_rgb = decoder(processor)
    most = int(processor.settings["max_num_patches"])
    side = math.isqrt(eye.tower.positions)
    patches = (
        Tensor("patches", DType.FP32, {"patches": most, "patch": 3 * eye.tower.patch**2}),
        Tensor("counted", DType.INT64, {"patches": most}),
        Tensor("row_weights", DType.FP32, {"patches": most, "side": side}),
        Tensor("column_weights", DType.FP32, {"patches": most, "side": side}),
    )
    pooled = Tensor("pooled", DType.FP32, {"pooled": eye.pooled})
    prepare = preprocess("preprocess_naflex", PROCESSOR, patches)
    quick = eye.tower.products <= QUICK
    encode = batched("encode", patches, (pooled,), naflex.export(eye), quick=quick)
    return Ensemble(
        name="vision",
        inputs=(image,),
        outputs=(pooled,),
        steps=decode_rgb >> prepare >> encode,
    )
