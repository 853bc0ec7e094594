"""Rules on the inputs and outputs of one config."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import prod
from typing import TypeAlias

from repository.check.rules import finding, listed
from repository.config.proto import pb
from repository.findings import Finding

IO: TypeAlias = pb.ModelInput | pb.ModelOutput


def check_tensors(config: pb.ModelConfig, *, is_open: bool = False) -> Iterator[Finding]:
    """Findings about the inputs and outputs of a model, and its batch inputs and outputs.

    Args:
        config: the model's.
        is_open: whether a server fills in what it leaves out.
    """
    where = config.name
    for role, tensors in (("input", config.input), ("output", config.output)):
        for tensor in tensors:
            if not tensor.name:
                yield finding(
                    "tensor-name", where, f"a name for every {role}", "none", "Give it a name."
                )
            if not is_open or tensor.data_type != pb.TYPE_INVALID:
                yield from _dtype(where, tensor)
            if not is_open or tensor.dims:
                yield from _dims(where, tensor)
            yield from _reshape(where, tensor, config.max_batch_size)
            yield from _tensorrt_only(where, tensor, config.platform)
        for name, count in Counter(tensor.name for tensor in tensors).items():
            if count > 1 and name:
                yield finding(
                    "duplicate-tensor",
                    where,
                    f"one {role} of a name",
                    str(count),
                    "Remove or rename all but one: Triton counts them all and serves none.",
                    tensor=name,
                )
    for tensor in config.input:
        if is_open and not tensor.dims:
            continue
        if tensor.format != pb.ModelInput.FORMAT_NONE and len(tensor.dims) != 3:
            yield finding(
                "input-format",
                where,
                f"3 dims for {pb.ModelInput.Format.Name(tensor.format)}",
                str(list(tensor.dims)),
                "Write the three dims of an image, or remove the format.",
                tensor=tensor.name,
            )
    if not is_open:
        yield from _batch_io(config)


def _dtype(where: str, tensor: IO) -> Iterator[Finding]:
    if tensor.data_type == pb.TYPE_INVALID:
        yield finding(
            "tensor-dtype",
            where,
            "a data_type",
            "none",
            "Write its data_type, as TYPE_FP32.",
            tensor=tensor.name,
        )


def _dims(where: str, tensor: IO) -> Iterator[Finding]:
    wrong = [dim for dim in tensor.dims if dim < 1 and dim != -1]
    if not tensor.dims or wrong:
        yield finding(
            "tensor-dims",
            where,
            "at least one dim, each positive or -1",
            str(list(tensor.dims)),
            "Write the size of every axis, -1 for a dynamic one; a scalar is [1].",
            tensor=tensor.name,
        )


def _reshape(where: str, tensor: IO, max_batch_size: int) -> Iterator[Finding]:
    if not tensor.HasField("reshape") or not tensor.dims:
        return
    dims, shape = list(tensor.dims), list(tensor.reshape.shape)
    expected = found = ""
    if not shape and max_batch_size == 0:
        expected, found = "no empty reshape in a model without a batch axis", "one"
    elif any(dim < 1 and dim != -1 for dim in shape):
        expected, found = "sizes that are positive or -1", str(shape)
    elif not shape and dims.count(-1) == 0 and prod(dims) == 1:
        return
    elif _segments(dims) != _segments(shape):
        expected = f"as many elements between dynamic axes as dims {dims} have"
        found = f"reshape {shape}"
    if expected:
        yield finding(
            "reshape",
            where,
            expected,
            found,
            "Correct the reshape, or remove it and write the model's own dims.",
            tensor=tensor.name,
        )


def _segments(dims: Sequence[int]) -> list[int]:
    """The number of elements between the dynamic axes: [2, 4, -1, 6] is [8, 6]."""
    counts = [1]
    for dim in dims:
        if dim == -1:
            counts.append(1)
        else:
            counts[-1] *= dim
    return counts


def _tensorrt_only(where: str, tensor: IO, platform: str) -> Iterator[Finding]:
    if platform == "tensorrt_plan":
        if tensor.is_non_linear_format_io and len(tensor.dims) != 3:
            yield finding(
                "input-format",
                where,
                "3 dims for is_non_linear_format_io",
                str(list(tensor.dims)),
                "Write the three dims of the plan's binding.",
                tensor=tensor.name,
            )
        return
    for field in ("is_shape_tensor", "is_non_linear_format_io"):
        if getattr(tensor, field):
            yield finding(
                "tensorrt-only",
                where,
                f"no {field} outside TensorRT plans",
                f"{field}: true",
                f"Remove {field}.",
                tensor=tensor.name,
            )


def _batch_io(config: pb.ModelConfig) -> Iterator[Finding]:
    inputs = {tensor.name for tensor in config.input}
    outputs = {tensor.name for tensor in config.output}

    def wrong(expected: str, found: str, tensor: str) -> Finding:
        remedy = "Correct batch_input and batch_output against the model's inputs and outputs."
        return finding("batch-io", config.name, expected, found, remedy, tensor=tensor)

    entries: list[tuple[str, pb.BatchInput | pb.BatchOutput]] = [
        *(("batch_input", entry) for entry in config.batch_input),
        *(("batch_output", entry) for entry in config.batch_output),
    ]
    for field, entry in entries:
        name = ", ".join(entry.target_name)
        if len(entry.source_input) != 1:
            yield wrong(f"one source_input in {field}", str(len(entry.source_input)), name)
        for source in entry.source_input:
            if source not in inputs:
                yield wrong(f"a source_input among {listed(inputs)}", f"'{source}'", name)
    for entry in config.batch_input:
        if entry.data_type not in (pb.TYPE_INT32, pb.TYPE_FP32):
            found = pb.DataType.Name(entry.data_type)
            yield wrong("TYPE_INT32 or TYPE_FP32", found, ", ".join(entry.target_name))
    for scattered in config.batch_output:
        for target, count in Counter(scattered.target_name).items():
            if target not in outputs or count > 1:
                found = f"'{target}'" if count == 1 else f"'{target}' {count} times"
                yield wrong(f"a target among {listed(outputs)}, once", found, target)
