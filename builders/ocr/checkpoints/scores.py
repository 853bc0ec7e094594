"""What a model says of classes, told from what it gives for noise, and made probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, helper

from builders.kit.onnx.rename import part
from builders.kit.onnx.surgery import Attribute, make_node
from builders.kit.sources.error import SourceError

Scores = Literal["probabilities", "logits", "log-probabilities", "logits of one class"]
_TO_PROBABILITIES: Mapping[Scores, str] = {
    "probabilities": "",
    "logits": "Softmax",
    "log-probabilities": "Exp",
    "logits of one class": "Sigmoid",
}
"""The operator that makes probabilities of what a model says."""

ONE = 0.02
"""How far the sum of probabilities may be from 1: thousands of classes in half precision."""

SLACK = 1e-3
"""How far numbers that should be in 0 .. 1 may be outside."""


def kind_of(scores: npt.NDArray[np.generic], axis: int, checkpoint: Path) -> Scores:
    """What a model's scores of classes are: probabilities or logits.

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
    if scores.min() >= -SLACK and scores.max() <= 1 + SLACK:
        if whole:
            return "probabilities"
        raise SourceError(
            f"{checkpoint}: expected probabilities of classes, which sum to 1, or logits, found "
            "numbers from 0 to 1 with other sums. Export it with a softmax at its end."
        )
    if scores.max() <= SLACK:
        exponentials = np.exp(scores.astype(np.float64))
        if np.abs(exponentials.sum(axis) - 1).max() <= ONE:
            return "log-probabilities"
    return "logits"


def as_probabilities(
    model: ModelProto, output: str, scores: Scores, order: Sequence[int] = (), axis: int = -1
) -> None:
    """Make an output of class scores probabilities, in place; its name stays.

    Args:
        model: changed in place.
        output: the output.
        scores: what it says now.
        order: its axes in the wanted order; without it they stay.
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
        # Before opset 13 a softmax goes over its axis and all that follow, so the last axis is
        # right in every opset.
        rank = len(graph.output[0].type.tensor_type.shape.dim)
        operators.append((kind, {"axis": axis % rank} if kind == "Softmax" else {}))
    source = part(model, output) if operators else output
    for number, (operator, attributes) in enumerate(operators, 1):
        target = output if number == len(operators) else f"{output}/{operator}"
        graph.node.append(
            make_node(operator, [source], [target], f"{output}/as/{operator}", **attributes)
        )
        source = target
