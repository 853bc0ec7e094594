"""How many rows the tensors of an ensemble have, where steps that batch meet steps that do not.

A request's own batch, and the first axis of a tensor that is taken as a batch, may have any number
of rows. A tensor that gets its batch axis from Triton has one (see
:func:`repository.copied.flow.fitted`). What its config says of a step's inputs decides, so that a
mistake is found before a request meets it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from repository.check.ensemble.flow import Step, running_order
from repository.check.rules import finding
from repository.config.proto import pb
from repository.copied.flow import fitted
from repository.findings import Finding

ANY = -1
"""The rows of a tensor that may have any number of them."""

Configs = Mapping[str, pb.ModelConfig]


@dataclass(frozen=True)
class Written:
    """A tensor as its writer gives it.

    Attributes:
        shape: batch axis included; -1 where an axis is free.
        rows: those of its writer's batch; 0 if that does not batch.
    """

    shape: tuple[int, ...]
    rows: int

    def reaches(self, dims: Sequence[int], batching: bool) -> tuple[int, ...]:
        """The shape in which it reaches a reader of those dims."""
        return fitted(self.shape, self.rows, dims, batching)

    def wanted(self, dims: Sequence[int], batching: bool) -> tuple[int, ...]:
        """The shape that a reader of those dims expects it to be written in."""
        expected = (ANY, *dims) if batching else tuple(dims)
        added = len(self.reaches(dims, batching)) - len(self.shape)
        return expected[1:] if added > 0 else (1, *expected) if added < 0 else expected


def written(
    config: pb.ModelConfig, configs: Configs, open_models: Set[str] = frozenset()
) -> dict[str, Written]:
    """The tensors of an ensemble of which it is known how they are written."""
    return _walk(config, configs, open_models)[0]


def check_batches(
    config: pb.ModelConfig, configs: Configs, open_models: Set[str] = frozenset()
) -> Iterator[Finding]:
    """Findings about batches that a step, or the ensemble, cannot take as one."""
    yield from _walk(config, configs, open_models)[1]


def _walk(
    config: pb.ModelConfig, configs: Configs, open_models: Set[str]
) -> tuple[dict[str, Written], list[Finding]]:
    batching = config.max_batch_size > 0
    known: dict[str, Written] = {}
    found: list[Finding] = []
    for tensor in config.input:
        dims = tensor.reshape.shape if tensor.HasField("reshape") else tensor.dims
        known[tensor.name] = _written(dims, ANY if batching else 0)
    for _, step in running_order(config):
        model = configs.get(step.model_name)
        if model is None or model.name in open_models:
            continue
        rows: int | None = 0
        if model.max_batch_size > 0:
            batches = _batches(step, model, known)
            found += _differing(config, f"'{model.name}'", batches)
            found += _too_many(config, model, batches)
            rows = _joined(batches)
        for given in model.output:
            name = step.output_map.get(given.name)
            if name is not None and rows is not None:
                known.setdefault(name, _written(given.dims, rows))
    if batching:
        outputs = {
            tensor.name: known[tensor.name].reaches(tensor.dims, True)[0]
            for tensor in config.output
            if tensor.name in known and _fits(known[tensor.name], tensor.dims)
        }
        found += _differing(config, "the ensemble", {"the request": ANY} | outputs)
    return known, found


def _written(dims: Sequence[int], rows: int) -> Written:
    return Written((rows, *dims) if rows else tuple(dims), rows)


def _batches(step: Step, model: pb.ModelConfig, known: Mapping[str, Written]) -> dict[str, int]:
    """The rows of each tensor that is known to reach a step's model as a batch."""
    return {
        name: known[name].reaches(tensor.dims, True)[0]
        for tensor in model.input
        for name in [step.input_map.get(tensor.name, "")]
        if name in known and _fits(known[name], tensor.dims)
    }


def _fits(tensor: Written, dims: Sequence[int]) -> bool:
    """Whether a tensor has a batch axis before those dims; :mod:`joints` compares the others."""
    return len(tensor.reaches(dims, True)) == len(dims) + 1


def _joined(batches: Mapping[str, int]) -> int | None:
    """The rows of a batch of tensors; None if nothing is known of them."""
    return max(batches.values(), default=None)


def _differing(config: pb.ModelConfig, who: str, batches: Mapping[str, int]) -> Iterator[Finding]:
    sizes = set(batches.values())
    if len(sizes - {ANY}) > 1 or sizes == {ANY, 1}:
        told = (
            f"{'any number' if rows == ANY else rows} in '{name}'" for name, rows in batches.items()
        )
        yield finding(
            "ensemble-batch",
            config.name,
            f"as many rows in all tensors that reach {who}, which batches",
            ", ".join(told),
            "Give each of them the same first axis where it is written.",
        )


def _too_many(
    config: pb.ModelConfig, model: pb.ModelConfig, batches: Mapping[str, int]
) -> Iterator[Finding]:
    for name, rows in batches.items():
        if rows > model.max_batch_size:
            yield finding(
                "ensemble-batch",
                config.name,
                f"at most {model.max_batch_size} rows, the max_batch_size of '{model.name}'",
                str(rows),
                f"Raise max_batch_size of '{model.name}', or write fewer rows.",
                tensor=name,
            )
