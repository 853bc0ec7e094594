"""The order in which a pipeline's steps run, and which tensors each gets.

The one executor's plan behind the BLS model, the chained client and the in-process run. A copy of
this file lies in every BLS model's version folder, so it keeps to Python 3.10 and the standard
library.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True)
class Wiring:
    """A step as ``ensemble_scheduling`` has it.

    Attributes:
        model: the model's name.
        inputs: ``input_map``: the model's input -> the pipeline's tensor.
        outputs: ``output_map``: the model's output -> the pipeline's tensor.
    """

    model: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


def waves(steps: Sequence[Wiring], inputs: Sequence[str]) -> list[list[Wiring]]:
    """The steps in waves: the steps of one wave do not need each other.

    Args:
        steps: in any order.
        inputs: the pipeline's own inputs, optional ones included.

    Returns:
        The waves in running order.

    Raises:
        ValueError: a step waits for a tensor that nothing writes, or for itself.
    """
    available = set(inputs)
    waiting = list(steps)
    order: list[list[Wiring]] = []
    while waiting:
        ready = [step for step in waiting if available.issuperset(step.inputs.values())]
        if not ready:
            missing = {name for step in waiting for name in step.inputs.values()} - available
            raise ValueError(
                f"steps {[step.model for step in waiting]} cannot run: nothing before them "
                f"writes {sorted(missing)}"
            )
        waiting = [step for step in waiting if step not in ready]
        available.update(name for step in ready for name in step.outputs.values())
        order.append(ready)
    return order


def gather(step: Wiring, tensors: Mapping[str, Value]) -> dict[str, Value]:
    """The inputs of a step by the model's own names; absent optional ones are left out."""
    return {name: tensors[source] for name, source in step.inputs.items() if source in tensors}


def scatter(
    step: Wiring, outputs: Mapping[str, Value], tensors: MutableMapping[str, Value]
) -> None:
    """Adds a step's outputs to the pipeline's tensors, under the pipeline's names."""
    for name, target in step.outputs.items():
        tensors[target] = outputs[name]
