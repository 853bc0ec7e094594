"""Rules on an ensemble's tensors: the data types and shapes that meet in each.

Triton compares every end of a tensor with the first end that it comes across, and lets a pair pass
if either the ``dims`` agree or the full shapes do, batch axis included. What passes so need not
run: two ends may have different ranks, or two readers contradict each other. So here every pair of
ends is compared as a request meets them, with the leading 1 that Triton adds or takes away between
a step that batches and one that does not (:func:`repository.copied.flow.fitted`). What Triton
refuses at load is ``ensemble-shape``, what it lets pass ``ensemble-rank``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from repository.check.ensemble.batches import Written, written
from repository.check.rules import finding
from repository.config.proto import pb
from repository.findings import Finding


@dataclass(frozen=True)
class End:
    """One end of an ensemble's tensor: whoever writes or reads it.

    Attributes:
        what: as "input 'x' of 'detect'".
        dtype: a member of ``inference.DataType``.
        dims: as the config has them.
        batching: whether Triton puts a batch axis before them.
        reshape: a composing model's reshape, which plays no part.
        is_open: whether its model's batch size, and what its config leaves out, are not known.
        writes: whether it gives the tensor, rather than reads it.
    """

    what: str
    dtype: pb.DataType.ValueType
    dims: tuple[int, ...]
    batching: bool
    reshape: tuple[int, ...] | None = None
    is_open: bool = False
    writes: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The dims with the batch axis, if there is one."""
        return (-1, *self.dims) if self.batching else self.dims

    def met(self, tensor: Written) -> tuple[int, ...]:
        """The shape that it gives, or expects, where the tensor is written."""
        return tensor.shape if self.writes else tensor.wanted(self.dims, self.batching)


def ends(
    config: pb.ModelConfig,
    configs: Mapping[str, pb.ModelConfig],
    open_models: Set[str] = frozenset(),
) -> dict[str, list[End]]:
    """The ends of every tensor of an ensemble, in the order in which Triton meets them."""
    found: dict[str, list[End]] = {}
    batching = config.max_batch_size > 0
    for role, tensors in (("input", config.input), ("output", config.output)):
        for tensor in tensors:
            shape = tensor.reshape.shape if tensor.HasField("reshape") else tensor.dims
            writes = role == "input"
            what = f"the ensemble's {role}"
            end = End(what, tensor.data_type, tuple(shape), batching, writes=writes)
            found.setdefault(tensor.name, []).append(end)
    for step in config.ensemble_scheduling.step:
        if step.model_name not in configs:
            continue
        model = configs[step.model_name]
        for role, known, mapped in (
            ("input", model.input, step.input_map),
            ("output", model.output, step.output_map),
        ):
            for tensor in known:
                if tensor.name in mapped:
                    what = f"{role} '{tensor.name}' of '{model.name}'"
                    end = End(
                        what,
                        tensor.data_type,
                        tuple(tensor.dims),
                        model.max_batch_size > 0,
                        tuple(tensor.reshape.shape) if tensor.HasField("reshape") else None,
                        is_open=model.name in open_models,
                        writes=role == "output",
                    )
                    found.setdefault(mapped[tensor.name], []).append(end)
    return found


def check_joints(
    config: pb.ModelConfig,
    configs: Mapping[str, pb.ModelConfig],
    open_models: Set[str] = frozenset(),
) -> Iterator[Finding]:
    """Findings about tensors whose ends do not fit, one for each end that does not."""
    known = written(config, configs, open_models)
    for name, joined in ends(config, configs, open_models).items():
        tensor = known.get(name)
        kinds: dict[tuple[object, ...], tuple[int, End]] = {}
        for index, end in enumerate(joined):
            # Thousands of ends may be alike; the first one stands for all of them.
            for other, earlier in list(kinds.values()):
                either_open = earlier.is_open or end.is_open
                if either_open and pb.TYPE_INVALID in (earlier.dtype, end.dtype):
                    continue
                if earlier.dtype != end.dtype:
                    expected = f"{pb.DataType.Name(earlier.dtype)}, as {earlier.what} has"
                    found = f"{pb.DataType.Name(end.dtype)} in {end.what}"
                    remedy = "Cast in one of the two models."
                    yield finding(
                        "ensemble-dtype", config.name, expected, found, remedy, tensor=name
                    )
                    break
                passes = agree(earlier.dims, end.dims) or agree(earlier.shape, end.shape)
                refused = other == 0 and not passes
                meet = agree(earlier.met(tensor), end.met(tensor)) if tensor else passes
                if either_open or (meet and not refused):
                    continue
                yield finding(
                    "ensemble-shape" if refused else "ensemble-rank",
                    config.name,
                    f"{list(earlier.shape)}, as {earlier.what} has",
                    f"{list(end.shape)} in {end.what}",
                    "Give both ends one rank and sizes that agree, batch axis included.",
                    tensor=name,
                )
                yield from _reshapes(config, name, (earlier, end))
                break
            kind = (end.dtype, end.dims, end.batching, end.reshape, end.is_open, end.writes)
            kinds.setdefault(kind, (index, end))


def _reshapes(config: pb.ModelConfig, name: str, pair: Sequence[End]) -> Iterator[Finding]:
    """The reshape of a composing model is applied inside it: the ensemble's tensor has the dims."""
    for end in pair:
        if end.reshape is not None:
            yield finding(
                "composing-reshape",
                config.name,
                f"the tensor to have the dims {list(end.dims)} of {end.what}",
                f"its reshape {list(end.reshape)}, which an ensemble does not see",
                "Export the model with the shape that the ensemble passes.",
                tensor=name,
            )


def agree(first: Sequence[int], second: Sequence[int]) -> bool:
    """Whether two shapes have one rank, and sizes that are equal or dynamic."""
    return len(first) == len(second) and all(
        -1 in (left, right) or left == right for left, right in zip(first, second, strict=True)
    )
