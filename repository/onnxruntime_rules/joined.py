"""What the C++ backend answers wrongly, without a word, where requests are joined into one run.

It takes as many rows of each output for a request as the request had (``ProcessTensor`` of
backend_output_responder.cc), whatever they are rows of, and gives a scalar input the first value of
all requests together (``SetInputTensors`` of onnxruntime.cc).
"""

from __future__ import annotations

from .facts import (
    DYNAMIC,
    Config,
    OnnxGraph,
    OnnxTensor,
    Violation,
    entries,
    listed,
    matched,
    max_batch_size,
)

_SCALAR = "a scalar, or no declared shape"


def joined_violations(config: Config, graph: OnnxGraph) -> list[Violation]:
    """Tensors of a batching model that are known to get values other than their requests'.

    Of an output that needs facts beyond its declared shape: :attr:`~.facts.OnnxTensor.rows`.
    """
    size = max_batch_size(config)
    if size <= 0:
        return []
    found = []
    for role, tensor in _split(config, graph):
        if not tensor.axes:
            if size > 1 and (role == "input" or tensor.rows is not None):
                found.append(_scalar(tensor, f"a batch axis, as max_batch_size is {size}"))
        elif tensor.rows is not None and not tensor.rows.batch:
            found.append(
                Violation(
                    "cut-output",
                    tensor.name,
                    f"one row for each row of the batch, as max_batch_size is {size}",
                    tensor.rows.found,
                    "Set max_batch_size to 0, or export the graph with the batch as this output's "
                    "first axis: each request gets as many rows as it sent, whosever they are.",
                )
            )
    return found


def joined_warnings(config: Config, graph: OnnxGraph) -> list[Violation]:
    """Tensors of a batching model for which nothing shows that each request gets its own values.

    An output's first axis is known to be the batch by its symbolic name, or by
    :attr:`~.facts.OnnxTensor.rows`.
    """
    size = max_batch_size(config)
    if size <= 0:
        return []
    batch = batch_names(graph)
    found = []
    for role, tensor in _split(config, graph):
        if not tensor.axes:
            if size == 1 or (role == "output" and tensor.rows is None):
                found.append(_scalar(tensor, "a batch axis in a model that batches"))
        elif role == "output" and tensor.rows is None and needs_rows(tensor, batch):
            found.append(
                Violation(
                    "cut-output",
                    tensor.name,
                    f"the inputs' batch axis first ({listed(batch)})"
                    if batch
                    else "a first axis that is known to be the batch",
                    f"'{tensor.axes[0]}'" if tensor.axes[0] else "an axis without a name",
                    "If its rows are not the batch's, set max_batch_size to 0: each request would "
                    "get only as many rows as it sent. Else give the axis the batch's name.",
                )
            )
    return found


def batch_names(graph: OnnxGraph) -> set[str]:
    """The symbolic names of the inputs' first axes."""
    return {
        tensor.axes[0] for tensor in graph.inputs if tensor.axes and isinstance(tensor.axes[0], str)
    }


def needs_rows(tensor: OnnxTensor, batch: set[str]) -> bool:
    """Whether an output's declared shape leaves open whose rows it has."""
    return not tensor.axes or (tensor.shape[0] == DYNAMIC and tensor.axes[0] not in batch)


def _split(config: Config, graph: OnnxGraph) -> list[tuple[str, OnnxTensor]]:
    """Role and tensor of each entry that is joined and split by rows; others are left out:
    ``batch_output``, which Triton scatters, and ragged inputs."""
    scattered = {
        name for entry in entries(config, "batch_output") for name in entry.get("target_name") or ()
    }
    return [
        (role, tensor)
        for role in ("input", "output")
        for entry, tensor in matched(config, role, graph)
        if tensor.is_tensor and not entry.get("allow_ragged_batch") and tensor.name not in scattered
    ]


def _scalar(tensor: OnnxTensor, expected: str) -> Violation:
    return Violation(
        "scalar-with-batching",
        tensor.name,
        expected,
        _SCALAR,
        "Set max_batch_size to 0, or give the tensor a batch axis in the graph: of joined "
        "requests, all get the first one's value.",
    )
