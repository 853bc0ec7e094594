"""Rules on warm-up requests, as far as the config alone tells."""

from __future__ import annotations

from collections.abc import Iterator

from repository.check.rules import finding, listed
from repository.config.proto import pb
from repository.findings import Finding


def check_warmup(config: pb.ModelConfig, *, is_open: bool = False) -> Iterator[Finding]:
    """Findings about ``model_warmup``; one of ``batch_size`` 0 is skipped by Triton.

    Args:
        config: the model's.
        is_open: whether the model may have other inputs than the config says.
    """
    for request in config.model_warmup:
        if request.batch_size == 0:
            yield finding(
                "skipped-warmup",
                config.name,
                f"a batch_size in warm-up '{request.name}'",
                "none, which means 0",
                "Write batch_size: 1 or more, or remove it: Triton skips such a request.",
            )
            continue
        if is_open:
            continue
        for name in sorted(_strangers(config, request)):
            yield finding(
                "warmup-input",
                config.name,
                f"inputs among {listed(each.name for each in config.input)}, in warm-up "
                f"'{request.name}'",
                "another",
                "Correct its name, or remove it: Triton hands it to the model as it is.",
                tensor=name,
            )
        for name, expected, found in _mistakes(config, request):
            yield finding(
                "warmup",
                config.name,
                f"{expected} in warm-up '{request.name}'",
                found,
                "Write the request as a client would send it, without its batch axis.",
                tensor=name,
            )


def _strangers(config: pb.ModelConfig, request: pb.ModelWarmup) -> set[str]:
    """The inputs of a request that are neither the model's nor a sequence's controls."""
    controls = config.sequence_batching.control_input
    return (
        set(request.inputs)
        - {each.name for each in config.input}
        - {each.name for each in controls}
    )


def _mistakes(config: pb.ModelConfig, request: pb.ModelWarmup) -> Iterator[tuple[str, str, str]]:
    inputs = {tensor.name: tensor for tensor in config.input}
    for name in sorted({key for key, tensor in inputs.items() if not tensor.optional}):
        if name not in request.inputs:
            yield name, "every required input", "none of that name"
    for name, sample in sorted(request.inputs.items()):
        known = inputs.get(name)
        if known is None:
            continue
        if sample.data_type != known.data_type:
            yield name, pb.DataType.Name(known.data_type), pb.DataType.Name(sample.data_type)
        if sample.WhichOneof("input_data_type") is None:
            yield name, "zero_data, random_data or input_data_file", "none of them"
        dims = list(sample.dims)
        if any(dim < 0 for dim in dims) or not _fits(dims, list(known.dims)):
            yield name, f"sizes for dims {list(known.dims)}", str(dims)


def _fits(dims: list[int], known: list[int]) -> bool:
    return len(dims) == len(known) and all(
        want in (-1, have) for have, want in zip(dims, known, strict=True)
    )
