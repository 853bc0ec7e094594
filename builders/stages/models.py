"""The models of this folder, as families use them in their graphs."""

from __future__ import annotations

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
