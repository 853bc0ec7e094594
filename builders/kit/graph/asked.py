"""Pipelines of other families that a stage asks, and what it sends and reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from builders.kit.graph.tensor import BATCH, DYNAMIC, Tensor


@dataclass(frozen=True)
class Asked:
    """A pipeline that is asked by its name.

    Attributes:
        name: the pipeline's.
        takes: the inputs that it is given; none says nothing about them.
        gives: the outputs that are read of it.
    """

    name: str
    takes: tuple[Tensor, ...] = ()
    gives: tuple[Tensor, ...] = ()

    def misfits(
        self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]
    ) -> Iterator[tuple[str, str, str]]:
        """What a pipeline does not take or give: the tensor, what is expected, what is found.

        Args:
            inputs: the pipeline's.
            outputs: likewise.
        """
        for role, wanted, there in (
            ("input", self.takes, inputs),
            ("output", self.gives, outputs),
        ):
            known = {tensor.name: tensor for tensor in there}
            for tensor in wanted:
                found = known.get(tensor.name)
                if found is None:
                    names = ", ".join(known) or "none"
                    yield tensor.name, f"an {role} '{tensor.name}'", f"the {role}s {names}"
                elif tensor.dtype != found.dtype or not _fit(tensor, found):
                    yield tensor.name, _told(tensor), _told(found)
        given = {tensor.name for tensor in self.takes}
        for tensor in inputs if self.takes else ():
            if tensor.name not in given and not tensor.optional:
                told = f"no other required inputs than {', '.join(sorted(given))}"
                yield tensor.name, told, f"'{tensor.name}'"


def _fit(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors can be of one shape; a request's own have no axis of the batch."""
    first, second = ([*each.axes.items()] for each in (one, other))
    if second and second[0][0] == BATCH and (not first or first[0][0] != BATCH):
        second = second[1:]
    return len(first) == len(second) and all(
        DYNAMIC in (mine, others) or mine == others
        for (_, mine), (_, others) in zip(first, second, strict=True)
    )


def _told(tensor: Tensor) -> str:
    return f"{tensor.dtype} {list(tensor.shape)}"
