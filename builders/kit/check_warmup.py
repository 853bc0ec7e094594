"""Rules on warm-up requests, as far as the config alone tells."""

from __future__ import annotations

from collections.abc import Iterator

from builders.kit.check_rule import finding, listed
from builders.kit.findings import Finding
from builders.kit.proto import pb


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
        for name, expected, found in () if is_open else _mistakes(config, request):
            yield finding(
                "warmup",
                config.name,
                f"{expected} in warm-up '{request.name}'",
                found,
                "Write the request as a client would send it, without its batch axis.",
                tensor=name,
            )


def _mistakes(config: pb.ModelConfig, request: pb.ModelWarmup) -> Iterator[tuple[str, str, str]]:
    inputs = {tensor.name: tensor for tensor in config.input}
    controls = {control.name for control in config.sequence_batching.control_input}
    for name in sorted({key for key, tensor in inputs.items() if not tensor.optional}):
        if name not in request.inputs:
            yield name, "every required input", "none of that name"
    for name, sample in sorted(request.inputs.items()):
        known = inputs.get(name)
        if known is None:
            if name not in controls:
                yield name, f"inputs among {listed(inputs)}", "another"
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
