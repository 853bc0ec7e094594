"""The pipeline ``vision`` for towers that see an image in tiles."""

from __future__ import annotations

from dataclasses import replace

from builders.kit.graph import LATER_STEP, Ensemble, PythonModel, Tensor
from builders.kit.graph.options import Whole
from builders.vision.checkpoint.eye import Eye
from builders.vision.checkpoint.tiled_eye import TiledEye
from builders.vision.checkpoint.tiles import PROCESSOR, read_tiles
from builders.vision.options import VisionOptions
from builders.vision.pipelines.models import (
    LARGEST_BATCH,
    QUICK,
    batched,
    decoder,
    image,
    preprocess,
)
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
    pooled = {"pooled": eye.pooled}
    # Each of one tile.
    pixel_values = Tensor("pixel_values", DType.FP32, planes)
    features = Tensor("features", DType.FP32, {"rows": eye.features, "features": eye.width})
    tile_pooled = Tensor("tile_pooled", DType.FP32, pooled)
    tile_embeds = Tensor("tile_embeds", DType.FP32, {"tokens": eye.tokens, "hidden": eye.hidden})
    tiling = Tensor("tiling", DType.INT32, {"rows_columns_height_width": 4})
    prepare = preprocess(
        "preprocess",
        PROCESSOR,
        (_tiles(pixel_values), tiling),
        {"maximum_tiles": (most, Whole(1, most))},
        arithmetic([(eye.tower.side, eye.tower.side)]),
    )
    at_once = max(most, LARGEST_BATCH)
    quick = eye.tower.products <= QUICK
    encode = batched(
        "encode", (pixel_values,), (features, tile_pooled), encoder, at_once, quick=quick
    )
    adapt = batched("adapt", (features,), (tile_embeds,), adapter, at_once, quick=quick)
    found = (
        Tensor("image_embeds", DType.FP32, {"embeddings": -1, "hidden": eye.hidden}),
        Tensor("pooled", DType.FP32, pooled),
    )
    join = PythonModel(
        name="join",
        inputs=(_tiles(tile_embeds), _tiles(tile_pooled), tiling),
        outputs=found,
        stage="builders.vision.stages.join",
        exports=(joining,),
        queue=LATER_STEP,
    )
    return Ensemble(
        name="vision",
        inputs=(image,),
        outputs=found,
        steps=decode_rgb >> prepare >> encode >> adapt >> join,
    )


def _tiles(tensor: Tensor) -> Tensor:
    """What a stage has of all of an image's tiles."""
    return replace(tensor, axes={"tiles": -1, **tensor.axes})
