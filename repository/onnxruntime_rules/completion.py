"""What the C++ onnxruntime backend fills in where a config leaves out inputs or outputs.

After ``ModelState::AutoCompleteConfig`` of triton-inference-server/onnxruntime_backend at r24.10,
which is the same at r26.06. It does nothing if the config has an input and an output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .facts import DYNAMIC, Config, OnnxGraph, OnnxTensor, Violation, entries, max_batch_size

DEFAULT_BATCH = 4
"""``default-max-batch-size`` of a server that is not told otherwise (backend_model.cc of core)."""


@dataclass(frozen=True)
class Completion:
    """What is filled in.

    Attributes:
        max_batch_size: what the model has then.
        dynamic_batching: whether it gets a dynamic batcher with its defaults.
        filled: "input" or "output", if the config lacks it -> its entries, in the form of the
            config's own.
        refusal: why the backend refuses the model instead. The other attributes then say what it
            would fill in if the config had max_batch_size 0.
    """

    max_batch_size: int
    dynamic_batching: bool
    filled: dict[str, list[dict[str, Any]]]
    refusal: Violation | None = None


def completion(config: Config, graph: OnnxGraph) -> Completion | None:
    """What the backend fills in; None if nothing.

    Args:
        config: the model config; see :data:`~.facts.Config` for the forms understood.
        graph: the ONNX graph's inputs and outputs.
    """
    has_input = bool(entries(config, "input") or entries(config, "batch_input"))
    has_output = bool(entries(config, "output"))
    if has_input and has_output:
        return None
    size = max_batch_size(config)
    can_batch = all(_is_batch(tensor) for tensor in (*graph.inputs, *graph.outputs))
    refusal = None
    if not can_batch and size != 0:
        refusal = Violation(
            "auto-complete",
            "",
            "max_batch_size 0, as not every tensor of the graph has a dynamic first axis",
            str(size),
            "Write max_batch_size: 0, or export the graph with a dynamic batch axis.",
        )
        size = 0
    elif can_batch and size == 0:
        size = DEFAULT_BATCH
    scheduled = config.get("sequence_batching") is not None or (
        config.get("dynamic_batching") is not None
    )
    filled = {}
    if not has_input:
        filled["input"] = [_entry(tensor, size > 0) for tensor in graph.inputs]
    if not has_output:
        filled["output"] = [_entry(tensor, size > 0) for tensor in graph.outputs]
    return Completion(size, can_batch and size > 1 and not scheduled, filled, refusal)


def _is_batch(tensor: OnnxTensor) -> bool:
    return bool(tensor.shape) and tensor.shape[0] == DYNAMIC


def _entry(tensor: OnnxTensor, batching: bool) -> dict[str, Any]:
    dims = list(tensor.shape[1:] if batching else tensor.shape)
    entry: dict[str, Any] = {
        "name": tensor.name,
        "data_type": tensor.config_type,
        "dims": dims or [1],
    }
    if batching and not dims:
        entry["reshape"] = {"shape": []}
    return entry
