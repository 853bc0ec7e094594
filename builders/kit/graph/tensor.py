"""Tensors with named axes, and Triton's data types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from repository.arrays import DType

DYNAMIC = -1
"""The size of an axis that is known only at run time."""

BATCH = "batch"
"""The name of the first axis of every tensor of a model whose ``max_batch_size`` is above 0."""


@dataclass(frozen=True)
class Tensor:
    """A named tensor with named axes.

    Attributes:
        name: as in config.pbtxt.
        dtype: the element type.
        axes: each axis' name and size, outermost first; a size of -1 is dynamic. Equal names in
            one graph mean equal sizes at run time.
        optional: a request may leave this input out.
    """

    name: str
    dtype: DType
    axes: Mapping[str, int]
    optional: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """All axes' sizes, the batch axis included."""
        return tuple(self.axes.values())
