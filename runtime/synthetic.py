"""The smallest request that a model should answer, made from its configuration.

It shows whether a model answers, not what. An error from the model's own code counts as an answer,
such as one for zeros that are not an image.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

_SIZES = {
    "BOOL": 1,
    "UINT8": 1,
    "UINT16": 2,
    "UINT32": 4,
    "UINT64": 8,
    "INT8": 1,
    "INT16": 2,
    "INT32": 4,
    "INT64": 8,
    "FP16": 2,
    "FP32": 4,
    "FP64": 8,
    "BF16": 2,
    "STRING": 4,
}
"""Bytes of an element; of a string, those of its length field."""

DYNAMIC_SIZE = 32
"""What a dynamic dimension is given: enough for the strides of most vision models."""

MOST_ELEMENTS = 1 << 20
"""A tensor that would be larger gets 1 for its dynamic dimensions."""


LARGEST = 1 << 26
"""Bytes of a request that is sent to see whether a model answers; a config may ask for any size."""


def can_be_probed(config: Mapping[str, Any]) -> bool:
    """Whether one request shows something and changes nothing.

    A decoupled model does not answer over HTTP, and a request to a sequence model begins or
    continues a sequence. Models whose inputs cannot be made, or only in a harmful size, do not
    qualify.
    """
    decoupled = config.get("model_transaction_policy", {}).get("decoupled", False)
    if decoupled or "sequence_batching" in config:
        return False
    sizes = [_size(data_type, shape) for _, data_type, shape in _inputs(config)]
    return None not in sizes and sum(size or 0 for size in sizes) <= LARGEST


def request(config: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    """The body and the headers of an inference request to ``/v2/models/<name>/infer``.

    Inputs are zeros and empty strings, in the shapes of the configuration's first warm-up sample
    if there is one. Optional inputs are left out. No output is asked for that could be large:
    all are asked for as binary data.

    Args:
        config: the model's configuration, as JSON of the ModelConfig message; one that
            :func:`can_be_probed`.
    """
    inputs = []
    payload = b""
    for name, data_type, shape in _inputs(config):
        data = bytes(_size(data_type, shape) or 0)
        inputs.append(
            {
                "name": name,
                "shape": shape,
                "datatype": data_type.replace("STRING", "BYTES"),
                "parameters": {"binary_data_size": len(data)},
            }
        )
        payload += data
    header = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    return header + payload, {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": str(len(header)),
    }


def _inputs(config: Mapping[str, Any]) -> Iterator[tuple[str, str, list[int]]]:
    """Name, data type and shape of each input that a request needs."""
    samples = config.get("model_warmup") or [{}]
    warmed: Mapping[str, Any] = samples[0].get("inputs", {})
    for tensor in config.get("input", []):
        if tensor.get("optional"):
            continue
        given = warmed.get(tensor["name"], {}).get("dims") or tensor["dims"]
        shape = _shape([int(size) for size in given])
        if int(config.get("max_batch_size", 0)) > 0:
            shape = [1, *shape]
        yield tensor["name"], str(tensor["data_type"]).removeprefix("TYPE_"), shape


def _shape(dims: list[int]) -> list[int]:
    shape = [DYNAMIC_SIZE if size < 0 else size for size in dims]
    if math.prod(shape) > MOST_ELEMENTS:
        shape = [1 if size < 0 else size for size in dims]
    return shape


def _size(data_type: str, shape: list[int]) -> int | None:
    """Bytes of a tensor of zeros, or of empty strings; None for a type that there is not."""
    width = _SIZES.get(data_type)
    return None if width is None else width * math.prod(shape)
