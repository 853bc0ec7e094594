"""The pipeline ``vision`` for towers that take the patches of a grid."""

from __future__ import annotations

from builders.kit.graph import LATER_STEP, Ensemble, OnnxModel, Tensor
from builders.kit.graph.options import Whole
from builders.kit.sources.error import SourceError
from builders.vision.checkpoint.eye import Eye
from builders.vision.checkpoint.grid import GridTower
from builders.vision.checkpoint.processor.read import PROCESSOR, Processor, read_processor
from builders.vision.options import VisionOptions
from builders.vision.pipelines.models import decoder, image, preprocess
from builders.vision.towers import grid
from repository.arrays import DType


def pipeline(eye: Eye, options: VisionOptions) -> Ensemble:
    """``decode_rgb >> preprocess >> encode >> adapt``, all for one image.

    Args:
        eye: the checkpoint's.
        options: what the profile says.

    Raises:
        SourceError: an image processor that is not served, or that contradicts the tower.
    """
    tower = grid.tower_of(eye)
    processor = read_processor(eye.path, ("grid",), patch=tower.patch)
    _check_processor(eye, tower, processor)
    decode_rgb = decoder(processor)
    encoder, adapter = grid.exports(eye)
    inputs = _inputs(tower)
    grids = Tensor("grid_thw", DType.INT64, {"images": 1, "frames_rows_columns": 3})
    prepare = preprocess(
        "preprocess_grid",
        PROCESSOR,
        (*inputs, grids),
        {
            "maximum_patches": (options.maximum_patches, Whole(1, 1 << 20)),
            "max_pixels": (0, Whole(0, 2**31 - 1)),
            "window": (tower.window, Whole(tower.window, tower.window)),
            "table": (tower.table, Whole(tower.table, tower.table)),
        },
    )
    tokens, deep = {"tokens": -1}, {"layers": tower.deep, "tokens": -1}
    seen = {"patches_of_one": tower.unit, "features": tower.hidden}
    features = [Tensor("features", DType.FP32, tokens | seen)]
    embeds = [
        Tensor("image_embeds", DType.FP32, tokens | {"hidden": eye.hidden}),
        Tensor("pooled", DType.FP32, {"pooled": eye.pooled}),
    ]
    if tower.deep:
        features.append(Tensor("deep_features", DType.FP32, deep | seen))
        embeds.append(Tensor("deepstack_embeds", DType.FP32, deep | {"hidden": eye.hidden}))
    encode = OnnxModel(
        name="encode",
        inputs=inputs,
        outputs=tuple(features),
        export=encoder,
        queue=LATER_STEP,
    )
    adapt = OnnxModel(
        name="adapt",
        inputs=tuple(features),
        outputs=tuple(embeds),
        export=adapter,
        queue=LATER_STEP,
    )
    return Ensemble(
        name="vision",
        inputs=(image,),
        outputs=(*embeds, grids),
        steps=decode_rgb >> prepare >> encode >> adapt,
    )


def _inputs(tower: GridTower) -> tuple[Tensor, ...]:
    """What the encoder takes."""
    blocks = {"tokens": -1, "patches_of_one": tower.unit}
    found = [
        Tensor("patches", DType.FP32, blocks | {"numbers": tower.width}),
        Tensor("position_ids", DType.INT64, blocks | {"row_column": 2}),
        Tensor("segments", DType.INT64, {"segments": -1, "longest": -1}),
        Tensor("segment_places", DType.INT64, blocks),
    ]
    if tower.window:
        size = tower.window**2 * tower.unit
        found += [
            Tensor("windows", DType.INT64, {"windows": -1, "window_patches": size}),
            Tensor("window_places", DType.INT64, blocks),
        ]
    if tower.table:
        found += [
            Tensor("corners", DType.INT64, blocks | {"corners": 4}),
            Tensor("corner_weights", DType.FP32, blocks | {"corners": 4}),
        ]
    return tuple(found)


def _check_processor(eye: Eye, tower: GridTower, processor: Processor) -> None:
    settings = processor.settings
    expected = {"temporal_patch_size": tower.frames, "merge_size": tower.merge}
    wrong = [
        f"{key} {settings[key]}, where its tower has {value}"
        for key, value in expected.items()
        if settings[key] != value
    ]
    if wrong:
        raise SourceError(
            f"{eye.path}: expected an image processor that fits the tower, found "
            f"{'; '.join(wrong)}. Take the processor of the model that it was trained from."
        )
