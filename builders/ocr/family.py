"""The OCR family: an encoded image in, its lines of text with boxes and scores out."""

from __future__ import annotations

from functools import partial

from builders.kit.family import Checkpoint, Family, Metric, has_form
from builders.kit.graph import (
    LATER_STEP,
    ONE_THREAD,
    SIDE_BY_SIDE,
    Ensemble,
    InstanceGroup,
    OnnxModel,
    PythonModel,
    Tensor,
)
from builders.kit.graph.options import Whole
from builders.ocr import metric
from builders.ocr.exports import CHARACTERS, CLASSIFIER, DETECTOR, RECOGNISER
from builders.stages.models import decode_image
from repository.arrays import DType

BUCKETS = 4
"""Calls of the recogniser for a page. An ensemble hands a step one tensor, so crops of several
widths take several steps; more than four hardly reduce the padding further."""

_STAGES = "builders.ocr.stages"

image, only_pages = decode_image.inputs
pixels, pages, page_count = decode_image.outputs
minimum_score = Tensor("minimum_score", DType.FP32, {"one": 1}, optional=True)
maximum_side = Tensor("maximum_side", DType.INT32, {"one": 1}, optional=True)
orientation = Tensor("orientation", DType.BOOL, {"one": 1}, optional=True)

page = Tensor("page", DType.UINT8, {"shown": -1, "height": -1, "width": -1, "channels": 3})
zooms = Tensor("zooms", DType.FP32, {"pages": -1})
sheets = Tensor("sheets", DType.UINT8, {"sheet_bytes": -1})
sheet_sizes = Tensor("sheet_sizes", DType.INT32, {"pages": -1, "height_width": 2})
probability = Tensor("probability", DType.FP32, {"shown": -1, "maps": 1, "height": -1, "width": -1})
quads = Tensor("quads", DType.FP32, {"quads": -1, "corners": 4, "xy": 2})
bends = Tensor("bends", DType.FP32, {"bent": -1, "down": 33, "along": 33, "shift_xy": 2})
samples = Tensor(
    "samples", DType.UINT8, {"samples": -1, "sample_height": 48, "sample_width": 192, "channels": 3}
)
sampled = Tensor("sampled", DType.INT32, {"samples": -1})
turned = Tensor("turned", DType.FP32, {"samples": -1, "classes": 2})
lines = Tensor("lines", DType.FP32, {"readings": -1, "corners": 4, "xy": 2})
line_pages = Tensor("line_pages", DType.INT32, {"readings": -1})
slots = Tensor("slots", DType.INT32, {"crops": -1, "reading_bucket_row_apart": 4})
ways = Tensor("ways", DType.INT32, {"readings": -1, "page_line_end": 3})

text = Tensor("text", DType.BYTES, {"lines": -1})
boxes = Tensor("boxes", DType.FP32, {"lines": -1, "corners": 4, "xy": 2})
scores = Tensor("scores", DType.FP32, {"lines": -1})
page_numbers = Tensor("page_numbers", DType.INT32, {"lines": -1})


def crops(number: int | str) -> Tensor:
    """A bucket's crops; its axes are its own."""
    axes = {f"crops{number}": -1, "crop_height": 48, f"width{number}": -1, "channels": 3}
    return Tensor(f"crops_{number}", DType.UINT8, axes)


def best(name: str, dtype: DType, number: int | str) -> Tensor:
    """What the recogniser says about each step of a bucket's crops."""
    return Tensor(f"{name}_{number}", dtype, {f"crops{number}": -1, f"steps{number}": -1})


prepare_page = PythonModel(
    name="prepare_page",
    inputs=(pixels, pages, maximum_side),
    outputs=(page, zooms, sheets, sheet_sizes),
    stage=f"{_STAGES}.prepare_page",
    queue=LATER_STEP,
)
detect = OnnxModel(
    name="detect",
    inputs=(page,),
    outputs=(probability,),
    export=DETECTOR,
    parameters=ONE_THREAD,
    instances=(InstanceGroup(count=2),),
)
locate = PythonModel(
    name="locate",
    inputs=(probability, page, zooms, sheets, sheet_sizes, pages, maximum_side, orientation),
    outputs=(quads, bends, samples, sampled),
    stage=f"{_STAGES}.locate",
    # What is not shown to the detector in the first call: further pages, tiles, second looks.
    calls=(detect,),
    # While one request waits for more of the detector's answers, others go on.
    instances=(InstanceGroup(count=2),),
    queue=LATER_STEP,
)
orient = OnnxModel(
    name="orient",
    inputs=(samples,),
    outputs=(turned,),
    export=CLASSIFIER,
    parameters=ONE_THREAD,
    queue=LATER_STEP,
)
crop = PythonModel(
    name="crop",
    inputs=(pixels, pages, quads, bends, turned, sampled, orientation),
    outputs=(lines, line_pages, slots, ways, *(crops(k) for k in range(BUCKETS))),
    stage=f"{_STAGES}.crop",
    parameters={"buckets": str(BUCKETS)},
    options={"buckets": Whole(BUCKETS, BUCKETS)},
    queue=LATER_STEP,
)
recognise = OnnxModel(
    name="recognise",
    inputs=(
        Tensor("crops", DType.UINT8, {"crops": -1, "crop_height": 48, "width": -1, "channels": 3}),
    ),
    outputs=(
        Tensor("index", DType.INT32, {"crops": -1, "steps": -1}),
        Tensor("probability", DType.FP32, {"crops": -1, "steps": -1}),
        Tensor("space", DType.FP32, {"crops": -1, "steps": -1}),
    ),
    export=RECOGNISER,
    # As many as a page has calls, so a waiting call starts as soon as another ends and no core
    # idles.
    instances=(InstanceGroup(count=BUCKETS),),
    parameters=ONE_THREAD,
    queue=SIDE_BY_SIDE,
)
collect = PythonModel(
    name="collect",
    inputs=(
        *(best("index", DType.INT32, k) for k in range(BUCKETS)),
        *(best("probability", DType.FP32, k) for k in range(BUCKETS)),
        *(best("space", DType.FP32, k) for k in range(BUCKETS)),
        lines,
        line_pages,
        slots,
        ways,
        minimum_score,
    ),
    outputs=(text, boxes, scores, page_numbers),
    stage=f"{_STAGES}.collect",
    exports=(CHARACTERS,),
    queue=LATER_STEP,
)

ocr = Ensemble(
    name="ocr",
    inputs=(image, minimum_score, maximum_side, orientation, only_pages),
    outputs=(text, boxes, scores, page_numbers, page_count),
    steps=decode_image
    >> prepare_page
    >> detect
    >> locate
    >> orient
    >> crop
    >> tuple(
        recognise.step(
            inputs={"crops": f"crops_{k}"},
            outputs={name: f"{name}_{k}" for name in ("index", "probability", "space")},
        )
        for k in range(BUCKETS)
    )
    >> collect,
)

FAMILY = Family(
    name="ocr",
    sources={
        "detector": "package:rapidocr/models/PP-OCRv6_det_small.onnx",
        "recogniser": "package:rapidocr/models/PP-OCRv6_rec_small.onnx",
        "classifier": "package:rapidocr/models/ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    },
    pipelines=(ocr,),
    metrics=(
        Metric(
            name="character_error_rate",
            pipeline="ocr",
            bound=0.02,
            better="lower",
            measure=metric.character_error_rate,
        ),
    ),
    checkpoints=tuple(
        Checkpoint(
            component=export.source,
            words=f"a PP-OCR {export.source} as an ONNX file",
            is_one=partial(has_form, export),
        )
        for export in (DETECTOR, RECOGNISER, CLASSIFIER)
    ),
)
