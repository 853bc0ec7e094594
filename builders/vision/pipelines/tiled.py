"""The pipeline ``vision`` for towers that see an image in tiles."""

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
from builders.vision.checkpoint.tiled_eye import TiledEye
from builders.vision.checkpoint.tiles import PROCESSOR, read_tiles
from builders.vision.options import VisionOptions
from builders.vision.pipelines.decoding import decoder, image, pixels
from builders.vision.pipelines.fixed import LARGEST_BATCH
from builders.vision.stages.processors.pixels import MAXIMUM_PIXELS
from builders.vision.towers import tiled
from builders.vision.towers.normalise import arithmetic
from repository.arrays import DType


def pipeline(eye: Eye, options: VisionOptions) -> Ensemble:
    """``decode_rgb >> preprocess >> encode >> adapt >> join``; tiles are the batch of the two
    in the middle.

    Args:
        eye: the checkpoint's.
        options: what the profile says.

    Raises:
        SourceError: the image processor's tiles are not the tower's.
    """
    assert isinstance(eye, TiledEye)
    processor = read_tiles(eye)
    most = min(options.maximum_tiles or processor.most_tiles, processor.most_tiles)
    decode_rgb = decoder(processor)
    encoder, adapter, joining = tiled.exports(eye)
    planes = {"channels": 3, "height": eye.tower.side, "width": eye.tower.side}
    batch = {BATCH: -1}
    pooled = {"pooled": eye.pooled}
    embeds = {"tokens": eye.tokens, "hidden": eye.hidden}
    tiling = Tensor("tiling", DType.INT32, {"rows_columns_height_width": 4})
    preprocess = PythonModel(
        name="preprocess",
        inputs=(pixels,),
        outputs=(Tensor("pixel_values", DType.FP32, {"tiles": -1} | planes), tiling),
        stage="builders.vision.stages.preprocess",
        exports=(PROCESSOR,),
        parameters={"maximum_pixels": str(MAXIMUM_PIXELS), "maximum_tiles": str(most)},
        options={"maximum_pixels": Whole(1, 2**31 - 1), "maximum_tiles": Whole(1, most)},
        instances=(InstanceGroup(count=2),),
        queue=LATER_STEP,
        arithmetic=arithmetic([(eye.tower.side, eye.tower.side)]),
    )
    features = Tensor("features", DType.FP32, batch | {"rows": eye.features, "features": eye.width})
    encode = OnnxModel(
        name="encode",
        inputs=(Tensor("pixel_values", DType.FP32, batch | planes),),
        outputs=(features, Tensor("tile_pooled", DType.FP32, batch | pooled)),
        export=encoder,
        max_batch_size=max(most, LARGEST_BATCH),
        batching=DynamicBatching(),
        queue=LATER_STEP,
    )
    adapt = OnnxModel(
        name="adapt",
        inputs=(features,),
        outputs=(Tensor("tile_embeds", DType.FP32, batch | embeds),),
        export=adapter,
        max_batch_size=max(most, LARGEST_BATCH),
        batching=DynamicBatching(),
        queue=LATER_STEP,
    )
    found = (
        Tensor("image_embeds", DType.FP32, {"embeddings": -1, "hidden": eye.hidden}),
        Tensor("pooled", DType.FP32, pooled),
    )
    join = PythonModel(
        name="join",
        inputs=(
            Tensor("tile_embeds", DType.FP32, {"tiles": -1} | embeds),
            Tensor("tile_pooled", DType.FP32, {"tiles": -1} | pooled),
            tiling,
        ),
        outputs=found,
        stage="builders.vision.stages.join",
        exports=(joining,),
        queue=LATER_STEP,
    )
    return Ensemble(
        name="vision",
        inputs=(image,),
        outputs=found,
        steps=decode_rgb >> preprocess >> encode >> adapt >> join,
    )
