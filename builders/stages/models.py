"""The models of this folder, as families use them in their graphs."""

from __future__ import annotations

from builders.kit.graph import DType, InstanceGroup, PythonModel, Tensor

decode_image = PythonModel(
    name="decode_image",
    inputs=(Tensor("image", DType.UINT8, {"bytes": -1}),),
    outputs=(
        Tensor("pixels", DType.UINT8, {"image_height": -1, "image_width": -1, "channels": 3}),
    ),
    # The first step of its pipelines, where requests wait: one instance for each of two cores.
    instances=(InstanceGroup(count=2),),
    stage="builders.stages.decode_image",
)
"""An encoded file -> its pixels, RGB, upright."""
