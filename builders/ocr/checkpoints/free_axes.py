"""Sizes that a file fixes, freed: the model is run to see that it is the same one then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, helper

from builders.kit import onnx as kit_onnx
from builders.kit.onnx.rename import part
from builders.kit.onnx.surgery import over_axis
from builders.kit.sources.error import SourceError
from builders.ocr.checkpoints.planes import AXES, CHANNELS, Axis, noise
from builders.ocr.checkpoints.trial import Trial
from repository.onnx.content import OnnxError
from repository.onnx.walk import graphs

SCAN_OPSET = 9
"""The oldest opset whose ``Scan`` can iterate over rows of the outer graph's tensors."""

SAME = 1e-3
"""How far apart numbers in 0 .. 1 may be that should be equal in two runs."""


def free(
    model: ModelProto,
    checkpoint: Path,
    fixed: Mapping[Axis, int],
    dims: Sequence[int | None],
    usual: tuple[int, int],
) -> list[str]:
    """Let fixed sizes of the input be any, in place, and say how.

    Args:
        model: of one input, planes, and one output; changed in place.
        checkpoint: named in errors.
        fixed: the axes to free, with their sizes in the file.
        dims: the input's sizes; None if one is free.
        usual: height and width of an image to try it with, where the file leaves them free.

    Returns:
        What was changed, in words.

    Raises:
        SourceError: it is another model then, or runs at those sizes alone.
        OnnxError: it does not run at those either.
    """
    own: dict[str, int] = {
        axis: dims[place] or size
        for (axis, place), size in zip(AXES.items(), (2, *usual), strict=True)
    }
    (before,) = Trial(checkpoint, model).run(noise(**own))
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
        after, _, more = Trial(checkpoint, model).run(
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
