"""What an OCR checkpoint takes and gives, as its ONNX file says it and a run on a few pixels shows.

The file alone does not tell a layout from another, nor logits from probabilities: names of axes are
anybody's, and a softmax may stand in the graph or be left to the caller. So the model is run on two
small batches. What is found is brought into one form: planes in, sizes free, probabilities out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, helper

from builders.kit import onnx as kit_onnx
from builders.kit.onnx.form import read_form
from builders.kit.onnx.rename import part
from builders.kit.sources.error import SourceError
from builders.ocr.checkpoints import free_axes
from builders.ocr.checkpoints.planes import AXES, CHANNELS, Axis
from builders.ocr.checkpoints.trial import Trial
from repository.onnx.content import OnnxError


@dataclass(frozen=True)
class ImageModel:
    """A model of images in one form.

    Attributes:
        checkpoint: what it was read from.
        model: one FP32 input [batch, 3, height, width], one FP32 output.
        input: the input's name.
        output: the output's name.
        height: the input's, where the file fixes it; None if any will do.
        width: likewise.
        changed: what was done to it, in words; empty if nothing was.
    """

    checkpoint: Path
    model: ModelProto
    input: str
    output: str
    height: int | None
    width: int | None
    changed: tuple[str, ...]

    def run(self, *planes: npt.NDArray[np.float32]) -> list[npt.NDArray[np.generic]]:
        """The output for each batch of planes.

        Raises:
            OnnxError: onnxruntime does not run it on them.
        """
        return self._session.run(*planes)

    @cached_property
    def _session(self) -> Trial:
        return Trial(self.checkpoint, self.model)


def open_image_model(checkpoint: Path, free: Sequence[Axis], usual: tuple[int, int]) -> ImageModel:
    """Read a checkpoint and bring its input into one form.

    Args:
        checkpoint: an ONNX file, or a folder with one.
        usual: height and width of an image to try it with, if the file leaves them free.
        free: axes that may have any size. If the file fixes one, it is freed, and the model is
            refused if its answers change then.

    Raises:
        OnnxError: no ONNX model with one input and one output, or one that does not run.
        SourceError: it takes no image, or only one of a fixed size.
    """
    form = read_form(checkpoint)
    kit_onnx.drop_overridable_initialisers(form)
    name, output = _ends(form, checkpoint)
    dims = _image_dims(form, checkpoint)
    model = kit_onnx.load(checkpoint)
    kit_onnx.drop_overridable_initialisers(model)
    changed = []
    if dims[1] != CHANNELS:
        _take_planes(model)
        dims = [dims[0], dims[3], dims[1], dims[2]]
        changed.append("takes planes")
    fixed = {axis: size for axis in free if (size := dims[AXES[axis]])}
    if fixed:
        changed += free_axes.free(model, checkpoint, fixed, dims, usual)
    return ImageModel(
        checkpoint=checkpoint,
        model=model,
        input=name,
        output=output,
        height=None if "height" in free else dims[2],
        width=None if "width" in free else dims[3],
        changed=tuple(changed),
    )


def _ends(model: ModelProto, checkpoint: Path) -> tuple[str, str]:
    """The names of the only input and the only output."""
    names = (
        [value.name for value in model.graph.input],
        [value.name for value in model.graph.output],
    )
    if len(names[0]) != 1 or len(names[1]) != 1:
        raise OnnxError(
            f"{checkpoint}: expected a PP-OCR model with one input and one output, found inputs "
            f"{', '.join(names[0])} and outputs {', '.join(names[1])}. Check the source."
        )
    return names[0][0], names[1][0]


def _image_dims(model: ModelProto, checkpoint: Path) -> list[int | None]:
    """The input's sizes, None if one is free."""
    value = model.graph.input[0]
    tensor = value.type.tensor_type
    dims = [dim.dim_value if dim.dim_value > 0 else None for dim in tensor.shape.dim]
    places = [axis for axis in (1, 3) if len(dims) == 4 and dims[axis] == CHANNELS]
    if tensor.elem_type != TensorProto.FLOAT or not places:
        kind = TensorProto.DataType.Name(tensor.elem_type).lower()
        shown = [
            size or dim.dim_param or "?" for size, dim in zip(dims, tensor.shape.dim, strict=True)
        ]
        raise SourceError(
            f"{checkpoint}: expected an image of 3 channels as input, float [batch, 3, height, "
            f"width] or float [batch, height, width, 3], found {kind} "
            f"[{', '.join(map(str, shown))}]. Name a PP-OCR model as the source."
        )
    return dims


def _take_planes(model: ModelProto) -> None:
    """Let an input of pixels, [batch, height, width, 3], be one of planes, in place."""
    graph = model.graph
    value = graph.input[0]
    inner = part(model, value.name)
    graph.node.insert(
        0,
        helper.make_node("Transpose", [value.name], [inner], "planes/Transpose", perm=[0, 2, 3, 1]),
    )
    dims = list(value.type.tensor_type.shape.dim)
    made = helper.make_tensor_value_info(value.name, TensorProto.FLOAT, [])
    made.type.tensor_type.shape.dim.extend(dims[index] for index in (0, 3, 1, 2))
    value.CopyFrom(made)
