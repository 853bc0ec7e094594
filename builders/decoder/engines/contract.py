"""The tensors of the pipeline ``generate``, whatever engine answers.

Exactly one of ``text_input`` and ``messages`` is given; all else is optional. What each may be is
told by :mod:`builders.decoder.stages.asking.request`.

The answer comes in one response, or with ``stream`` in one for each piece of text. The names
``text_input``, ``text_output`` and ``stream`` are those that Triton's ``generate`` endpoints and
other backends use (triton-inference-server/server, docs/protocol/extension_generate.md).
"""

from __future__ import annotations

from builders.kit.graph import Tensor
from repository.arrays import DType

NAME = "generate"
"""The pipeline."""

_ONE = {"one": 1}


def _optional(name: str, dtype: DType, axes: dict[str, int]) -> Tensor:
    return Tensor(name, dtype, axes, optional=True)


def inputs(hidden: int = -1) -> tuple[Tensor, ...]:
    """The inputs.

    Args:
        hidden: numbers of an embedding; -1 if the engine does not know.
    """
    return (
        _optional("text_input", DType.BYTES, _ONE),
        _optional("messages", DType.BYTES, _ONE),
        _optional("image", DType.BYTES, {"images": -1}),
        _optional("image_embeds", DType.FP32, {"rows": -1, "hidden": hidden}),
        _optional("image_tokens", DType.INT32, {"embedded": -1}),
        _optional("max_tokens", DType.INT32, _ONE),
        _optional("temperature", DType.FP32, _ONE),
        _optional("top_p", DType.FP32, _ONE),
        _optional("top_k", DType.INT32, _ONE),
        _optional("frequency_penalty", DType.FP32, _ONE),
        _optional("presence_penalty", DType.FP32, _ONE),
        _optional("seed", DType.INT64, _ONE),
        _optional("stop", DType.BYTES, {"stops": -1}),
        _optional("stream", DType.BOOL, _ONE),
        _optional("ignore_eos", DType.BOOL, _ONE),
    )


OUTPUTS = (
    Tensor("text_output", DType.BYTES, _ONE),
    Tensor("finish_reason", DType.BYTES, _ONE),
    Tensor("prompt_tokens", DType.INT32, _ONE),
    Tensor("cached_tokens", DType.INT32, _ONE),
    Tensor("completion_tokens", DType.INT32, _ONE),
)
"""Of each response: the text since the last one, why the answer ended (empty before), and how many
tokens the prompt has, how many of those were in a cache, and how many were generated so far."""
