"""What an OCR checkpoint takes and gives, as its ONNX file says it and a run on a few pixels shows.

The file alone does not tell a layout from another, nor logits from probabilities: names of axes are
anybody's, and a softmax may stand in the graph or be left to the caller. So the model is run on two
small batches. What is found is brought into one form: planes in, sizes free, probabilities out.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnx import ModelProto, TensorProto, helper

from builders.kit import onnx as kit_onnx
from builders.kit.onnx.form import read_form
from builders.kit.onnx.rename import part
from builders.kit.onnx.session import make_trial_session, reason
from builders.kit.onnx.surgery import Attribute, make_node, over_axis
from builders.kit.sources.error import SourceError
from repository.onnx.content import OnnxError
from repository.onnx.walk import graphs

Scores = Literal["probabilities", "logits", "log-probabilities", "logits of one class"]
_TO_PROBABILITIES: Mapping[Scores, str] = {
    "probabilities": "",
    "logits": "Softmax",
    "log-probabilities": "Exp",
    "logits of one class": "Sigmoid",
}
"""The operator that makes probabilities of what a model says."""

Axis = Literal["batch", "height", "width"]

CHANNELS = 3
AXES: Mapping[Axis, int] = {"batch": 0, "height": 2, "width": 3}
"""Of an image as planes, [batch, channels, height, width]."""

SCAN_OPSET = 9
"""The oldest whose ``Scan`` goes over rows of the outer graph's own tensors."""

PATIENCE = 60.0
"""Seconds that a run on noise may take; the largest of PP-OCR's models take one."""

ONE = 0.02
"""How far the sum of probabilities may be from 1: thousands of classes in half precision."""

SAME = 1e-3
"""How far numbers in 0 .. 1 may be from each other that two runs should give alike."""


@dataclass(frozen=True)
class ImageModel:
    """A model of images in one form.

    Attributes:
        checkpoint: what it was read from.
        model: one FP32 input [batch, 3, height, width], one FP32 output.
        input: the input's name.
        output: the output's name.
        height: the input's, where the file fixes it; None where any will do.
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
    def _session(self) -> _Session:
        return _Session(self.checkpoint, self.model)


class _Session:
    """A model as it is now, to be run a few times.

    Args:
        checkpoint: named in errors.
        model: with one input and one output.

    Raises:
        OnnxError: onnxruntime does not load it.
    """

    def __init__(self, checkpoint: Path, model: ModelProto) -> None:
        self.checkpoint, self.input = checkpoint, model.graph.input[0].name
        self.session = make_trial_session(model, checkpoint)

    def run(self, *planes: npt.NDArray[np.float32]) -> list[npt.NDArray[np.generic]]:
        """As :meth:`ImageModel.run`."""
        made = []
        for each in planes:
            try:
                made.append(self._run(each))
            except Exception as error:  # its exceptions have no common base but this
                batch, _, height, width = each.shape
                raise OnnxError(
                    f"{self.checkpoint}: expected a model that runs on {batch} images of "
                    f"{height}x{width} pixels, found: {reason(error)}. Check the source."
                ) from error
        return made

    def _run(self, planes: npt.NDArray[np.float32]) -> npt.NDArray[np.generic]:
        options = onnxruntime.RunOptions()
        # A file that anybody wrote may loop for ever.
        limit = threading.Timer(PATIENCE, setattr, (options, "terminate", True))
        limit.start()
        try:
            return np.asarray(self.session.run(None, {self.input: planes}, options)[0])
        finally:
            limit.cancel()


def open_image_model(checkpoint: Path, free: Sequence[Axis], usual: tuple[int, int]) -> ImageModel:
    """Read a checkpoint and bring its input into one form.

    Args:
        checkpoint: an ONNX file, or a folder with one.
        usual: height and width of an image to try it with, where the file leaves them free.
        free: axes that have to be of any size. Where the file fixes one, it is freed, and the
            model is refused if it is not the same model then.

    Raises:
        OnnxError: no ONNX model with one input and one output, or one that does not run.
        SourceError: no image goes in, or only one of a fixed size.
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
        changed += _free(model, checkpoint, fixed, dims, usual)
    return ImageModel(
        checkpoint=checkpoint,
        model=model,
        input=name,
        output=output,
        height=None if "height" in free else dims[2],
        width=None if "width" in free else dims[3],
        changed=tuple(changed),
    )


def kind_of(scores: npt.NDArray[np.generic], axis: int, checkpoint: Path) -> Scores:
    """What a model says of classes.

    Args:
        scores: of a few inputs.
        axis: that of the classes.
        checkpoint: named in the error.

    Raises:
        SourceError: numbers that are none of the three, as each class's own probability.
    """
    if not np.isfinite(scores).all():
        raise SourceError(
            f"{checkpoint}: expected finite scores of classes, found NaN or infinity for noise. "
            "Check the source."
        )
    whole = np.abs(scores.sum(axis, dtype=np.float64) - 1).max() <= ONE
    if scores.min() >= -SAME and scores.max() <= 1 + SAME:
        if whole:
            return "probabilities"
        raise SourceError(
            f"{checkpoint}: expected probabilities of classes, which sum to 1, or logits, found "
            "numbers from 0 to 1 with other sums. Export it with a softmax at its end."
        )
    if scores.max() <= SAME:
        exponentials = np.exp(scores.astype(np.float64))
        if np.abs(exponentials.sum(axis) - 1).max() <= ONE:
            return "log-probabilities"
    return "logits"


def as_probabilities(
    model: ModelProto, output: str, scores: Scores, order: Sequence[int] = (), axis: int = -1
) -> None:
    """Let an output of class scores be probabilities, in place; its name stays.

    Args:
        model: changed in place.
        output: the output.
        scores: what it says now.
        order: its axes in the order that is wanted; none is the order that there is.
        axis: that of the classes, after that.
    """
    graph = model.graph
    kind = _TO_PROBABILITIES[scores]
    swapped = list(order) not in ([], sorted(order))
    operators: list[tuple[str, dict[str, Attribute]]] = []
    if swapped:
        operators.append(("Transpose", {"perm": list(order)}))
        value = graph.output[0]
        dims = [value.type.tensor_type.shape.dim[index] for index in order]
        made = helper.make_tensor_value_info(output, TensorProto.FLOAT, [])
        made.type.tensor_type.shape.dim.extend(dims)
        value.CopyFrom(made)
    if kind:
        # Before opset 13 a softmax goes over all axes from its own on: the last is right in all.
        rank = len(graph.output[0].type.tensor_type.shape.dim)
        operators.append((kind, {"axis": axis % rank} if kind == "Softmax" else {}))
    source = part(model, output) if operators else output
    for number, (operator, attributes) in enumerate(operators, 1):
        target = output if number == len(operators) else f"{output}/{operator}"
        graph.node.append(
            make_node(operator, [source], [target], f"{output}/as/{operator}", **attributes)
        )
        source = target


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
    """The input's sizes, None where one is free."""
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


def _free(
    model: ModelProto,
    checkpoint: Path,
    fixed: Mapping[Axis, int],
    dims: Sequence[int | None],
    usual: tuple[int, int],
) -> list[str]:
    """Let fixed sizes of the input be any, in place, and say how.

    Raises:
        SourceError: it is another model then, or runs at those sizes alone.
        OnnxError: it does not run at those either.
    """
    own: dict[str, int] = {
        axis: dims[place] or size
        for (axis, place), size in zip(AXES.items(), (2, *usual), strict=True)
    }
    (before,) = _Session(checkpoint, model).run(noise(**own))
    freed = _freed(model, fixed)
    if _is_the_same(freed, checkpoint, fixed, own, before):
        model.CopyFrom(freed)
        return [f"any {axis}" for axis in fixed]
    rest: dict[Axis, int] = {axis: size for axis, size in fixed.items() if axis != "batch"}
    freed = _freed(model, rest)
    if (
        fixed.get("batch") == 1
        and 1 in before.shape
        and kit_onnx.opset(model) >= SCAN_OPSET
        and _is_the_same(freed, checkpoint, rest, own, before)
    ):
        _take_rows(freed, before.shape.index(1))
        model.CopyFrom(freed)
        return ["row by row", *(f"any {axis}" for axis in rest)]
    found = " and ".join(f"{axis} {size}" for axis, size in fixed.items())
    raise SourceError(
        f"{checkpoint}: expected a model for images of any {' and '.join(fixed)}, found one that "
        f"runs at {found} alone. Export it again with dynamic axes."
    )


def _freed(model: ModelProto, axes: Iterable[Axis]) -> ModelProto:
    """A copy without these fixed sizes, and without any that may follow from them."""
    made = ModelProto()
    made.CopyFrom(model)
    shape = made.graph.input[0].type.tensor_type.shape
    for axis in axes:
        shape.dim[AXES[axis]].Clear()
    for dim in made.graph.output[0].type.tensor_type.shape.dim:
        dim.Clear()
    for graph in graphs(made):
        del graph.value_info[:]
    return made


def _is_the_same(
    model: ModelProto,
    checkpoint: Path,
    freed: Iterable[str],
    own: Mapping[str, int],
    before: npt.NDArray[np.generic],
) -> bool:
    """Whether a model gives what it gave, and takes images of other sizes too."""
    doubled = {axis: 2 * size if axis in freed else size for axis, size in own.items()}
    more_rows = {**own, "batch": doubled["batch"]}
    try:
        after, _, more = _Session(checkpoint, model).run(
            noise(**own), noise(**doubled), noise(**more_rows)
        )
    except OnnxError:
        return False
    if before.shape != after.shape or not np.allclose(before, after, rtol=SAME, atol=SAME):
        return False
    # Twice as many images are twice as many rows, not rows of twice as many steps.
    changed = [pair for pair in zip(after.shape, more.shape, strict=False) if pair[0] != pair[1]]
    return changed == (
        [] if doubled["batch"] == own["batch"] else [(own["batch"], doubled["batch"])]
    )


def _take_rows(model: ModelProto, axis: int) -> None:
    """Let a model of one image take any number, one after the other, in place.

    Args:
        model: changed in place, of :data:`SCAN_OPSET` or newer.
        axis: the output's axis of images; it becomes the first.
    """
    graph = model.graph
    taken, given = graph.input[0], graph.output[0]
    kind, rank = given.type.tensor_type.elem_type, len(given.type.tensor_type.shape.dim)
    image, made = part(model, taken.name), part(model, given.name)
    body = helper.make_graph(
        [
            over_axis(model, "Unsqueeze", "row/image", image, 0),
            *graph.node,
            over_axis(model, "Squeeze", made, "row/made", axis),
        ],
        "row",
        [helper.make_tensor_value_info("row/image", TensorProto.FLOAT, [CHANNELS, None, None])],
        [helper.make_tensor_value_info("row/made", kind, [None] * (rank - 1))],
    )
    del graph.node[:]
    scan = helper.make_node(
        "Scan", [taken.name], [given.name], "row_by_row", body=body, num_scan_inputs=1
    )
    graph.node.append(scan)
    taken.type.tensor_type.shape.dim[0].Clear()


def noise(batch: int, height: int, width: int) -> npt.NDArray[np.float32]:
    """Planes like normalised pixels, FP32 [batch, 3, height, width], of -1 to 1."""
    made = np.random.default_rng(7).uniform(-1, 1, (batch, CHANNELS, height, width))
    return made.astype(np.float32)
