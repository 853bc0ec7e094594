"""The models of this folder, as families use them in their graphs."""

from __future__ import annotations

from builders.kit.export import Export
from builders.kit.graph import InstanceGroup, PythonModel, Tensor
from builders.kit.graph.options import Number, Text, Whole
from repository.arrays import DType

decode_image = PythonModel(
    name="decode_image",
    inputs=(
        Tensor("image", DType.UINT8, {"bytes": -1}),
        Tensor("only_pages", DType.INT32, {"wanted": -1}, optional=True),
    ),
    outputs=(
        Tensor("pixels", DType.UINT8, {"image_height": -1, "image_width": -1, "channels": 3}),
        Tensor("pages", DType.INT32, {"pages": -1, "number_top_height_width": 4}),
        Tensor("page_count", DType.INT32, {"one": 1}),
    ),
    # The first step of its pipelines, where requests wait: one instance for each of two cores.
    instances=(InstanceGroup(count=2),),
    stage="builders.stages.decode_image",
    # Four such pages at once fit into the /dev/shm that a pod has by default.
    parameters={"maximum_pixels": "20000000"},
    options={"maximum_pixels": Whole(1, 2**31 - 1)},
)
"""An encoded file -> its pixels, RGB, upright; several pages are stacked."""

decode_rgb = PythonModel(
    name="decode_rgb",
    inputs=decode_image.inputs[:1],
    outputs=decode_image.outputs[:1],
    instances=decode_image.instances,
    stage="builders.stages.decode_rgb",
    parameters=decode_image.parameters,
    options=decode_image.options,
)
"""An encoded file -> its first page or frame, RGB, upright, as Pillow converts colours."""

decode_audio = PythonModel(
    name="decode_audio",
    inputs=(
        Tensor("audio", DType.UINT8, {"bytes": -1}, optional=True),
        Tensor("samples", DType.FP32, {"given": -1}, optional=True),
        Tensor("sample_rate", DType.INT32, {"one": 1}, optional=True),
    ),
    outputs=(Tensor("waveform", DType.FP32, {"samples": -1}),),
    instances=(InstanceGroup(count=2),),
    stage="builders.stages.decode_audio",
    parameters={
        "maximum_seconds": "300",
        "longer": "stream it to 'asr_stream', as 'python -m clients asr' does",
    },
    options={"maximum_seconds": Number(0.1, 36_000), "longer": Text()},
)
"""A sound file, or samples of any rate -> its sound at 16 kHz, mono."""


def tokenise(
    name: str,
    tokenizer: Export,
    *,
    maximum_length: int,
    padded_length: int = 0,
    length_step: int = 1,
    maximum_texts: int = 64,
) -> PythonModel:
    """Texts -> a text model's tokens: the stage :mod:`builders.stages.tokenise`.

    Args:
        name: of the model.
        tokenizer: made by :func:`builders.stages.tokenizer_file.tokenizer_file`.
        maximum_length: the most tokens of a text; a profile may set fewer, but not more.
        padded_length: every text is filled up to so many tokens; 0: to the longest of its request.
        length_step: what the longest is rounded up to a multiple of.
        maximum_texts: of a request.
    """
    rows = {"texts": -1, "tokens": padded_length or -1}
    return PythonModel(
        name=name,
        inputs=(Tensor("text", DType.BYTES, {"texts": -1}),),
        outputs=(
            Tensor("input_ids", DType.INT64, rows),
            Tensor("attention_mask", DType.INT64, rows),
        ),
        instances=(InstanceGroup(count=2),),
        stage="builders.stages.tokenise",
        exports=(tokenizer,),
        parameters={
            "maximum_length": str(maximum_length),
            "padded_length": str(padded_length),
            "length_step": str(length_step),
            "maximum_texts": str(maximum_texts),
        },
        options={
            "maximum_length": Whole(2, maximum_length),
            "padded_length": Whole(padded_length, padded_length),
            "length_step": Whole(1, 1024),
            "maximum_texts": Whole(1, 100_000),
            "maximum_bytes": Whole(1, 2**31 - 1),
        },
    )
