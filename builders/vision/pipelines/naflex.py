"""The pipeline ``vision`` for towers that take patches of any aspect ratio."""

from __future__ import annotations

import math

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
from builders.vision.checkpoint.eye import Eye
from builders.vision.checkpoint.naflex import PROCESSOR
from builders.vision.checkpoint.processor.read import read_processor
from builders.vision.options import VisionOptions
from builders.vision.pipelines.decoding import decoder, image, pixels
from builders.vision.towers import naflex
from repository.arrays import DType

LARGEST_BATCH = 8
"""Images in one call of the tower."""


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
    prepared = (
        ("patches", DType.FP32, {"patches": most, "patch": 3 * eye.tower.patch**2}),
        ("counted", DType.INT64, {"patches": most}),
        ("row_weights", DType.FP32, {"patches": most, "side": side}),
        ("column_weights", DType.FP32, {"patches": most, "side": side}),
    )
    batch = {BATCH: -1}
    preprocess = PythonModel(
        name="preprocess",
        inputs=(pixels,),
        outputs=tuple(Tensor(*each) for each in prepared),
        stage="builders.vision.stages.preprocess_naflex",
        exports=(PROCESSOR,),
        instances=(InstanceGroup(count=2),),
        queue=LATER_STEP,
    )
    encode = OnnxModel(
        name="encode",
        inputs=tuple(Tensor(name, dtype, batch | axes) for name, dtype, axes in prepared),
        outputs=(Tensor("pooled", DType.FP32, batch | {"pooled": eye.pooled}),),
        export=naflex.export(eye),
        max_batch_size=LARGEST_BATCH,
        batching=DynamicBatching(),
        queue=LATER_STEP,
    )
    return Ensemble(
        name="vision",
        inputs=(image,),
        outputs=(Tensor("pooled", DType.FP32, {"pooled": eye.pooled}),),
        steps=decode_rgb >> preprocess >> encode,
    )
