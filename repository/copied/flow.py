"""The order in which a pipeline's steps run, and which tensors each gets.

The one executor's plan behind the BLS model, the chained client, the gateway and the in-process
run. A copy of this file lies in every BLS model's version folder, so it keeps to Python 3.10 and
the standard library.

A pipeline may have steps that batch (``max_batch_size`` above 0) beside steps that do not. Triton
then joins the two as ``EnsembleContext::ReshapeTensorDims`` of its core says: :func:`fitted`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True)
class Wiring:
    """A step as ``ensemble_scheduling`` has it.

    Attributes:
        model: the model's name.
        inputs: ``input_map``: the model's input -> the pipeline's tensor.
        outputs: ``output_map``: the model's output -> the pipeline's tensor.
        batches: whether the model's ``max_batch_size`` is above 0.
        dims: of each of the model's inputs, as its config has them.
    """

    model: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    batches: bool = False
    dims: Mapping[str, Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Ends:
    """What a pipeline's own config says of its tensors.

    Attributes:
        batches: whether its ``max_batch_size`` is above 0.
        outputs: the dims of each of its outputs, as its config has them.
    """

    batches: bool
    outputs: Mapping[str, Sequence[int]]


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


def fitted(shape: Sequence[int], rows: int, dims: Sequence[int], batches: bool) -> tuple[int, ...]:
    """The shape in which a tensor reaches its reader.

    A tensor of a step that does not batch gets a leading 1 before a reader that batches, if it
    has the reader's dims without it; otherwise it is taken as the batch itself. A batch of one row
    loses its leading 1 before a reader that does not batch, unless it has the reader's dims with
    it. Any other tensor is left as it is, whether it fits or not.

    Args:
        shape: the tensor's, batch axis included.
        rows: the batch size of the request that wrote it, 0 if its writer does not batch.
        dims: the reader's, as its config has them; -1 where an axis is free.
        batches: whether the reader batches.
    """
    whole = tuple(shape)
    if batches == (rows != 0):
        return whole
    if batches:
        return (1, *whole) if _alike(dims, whole) else whole
    return whole[1:] if rows == 1 and not _alike(dims, whole) else whole


def _alike(dims: Sequence[int], shape: Sequence[int]) -> bool:
    return len(dims) == len(shape) and all(
        -1 in pair or pair[0] == pair[1] for pair in zip(dims, shape, strict=True)
    )


class Tensors(Generic[Value]):
    """The tensors of one request, by the pipeline's names, on their way through its steps.

    Args:
        ends: the pipeline's own.
        inputs: what was given.
        shape: the shape of a tensor, batch axis included.
        reshaped: a tensor's elements in another shape.
    """

    def __init__(
        self,
        ends: Ends,
        inputs: Mapping[str, Value],
        shape: Callable[[Value], Sequence[int]],
        reshaped: Callable[[Value, Sequence[int]], Value],
    ) -> None:
        self._ends = ends
        self._shape = shape
        self._reshaped = reshaped
        self._tensors: dict[str, Value] = dict(inputs)
        self._rows = {
            name: self._first(tensor) if ends.batches else 0 for name, tensor in inputs.items()
        }

    def gather(self, step: Wiring) -> dict[str, Value]:
        """The inputs of a step by the model's own names; absent optional ones are left out."""
        taken = {
            # An input that the model does not have is left for it to refuse.
            name: self._fitted(source, step.dims.get(name, ()), step.batches)
            for name, source in step.inputs.items()
            if source in self._tensors
        }
        rows = self._first(next(iter(taken.values()))) if step.batches and taken else 0
        self._rows.update((target, rows) for target in step.outputs.values())
        return taken

    def scatter(self, step: Wiring, outputs: Mapping[str, Value]) -> None:
        """Adds a step's outputs, after :meth:`gather` gave its inputs."""
        for name, target in step.outputs.items():
            self._tensors[target] = outputs[name]

    def outputs(self, wanted: Sequence[str]) -> dict[str, Value]:
        """Outputs of the pipeline by name.

        Args:
            wanted: their names.
        """
        return {
            name: self._fitted(name, self._ends.outputs[name], self._ends.batches)
            for name in wanted
        }

    def _fitted(self, name: str, dims: Sequence[int], batches: bool) -> Value:
        tensor = self._tensors[name]
        shape = tuple(self._shape(tensor))
        wanted = fitted(shape, self._rows[name], dims, batches)
        return tensor if wanted == shape else self._reshaped(tensor, wanted)

    def _first(self, tensor: Value) -> int:
        """The length of the first axis."""
        return next(iter(self._shape(tensor)), 0)
