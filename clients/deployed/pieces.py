"""A decoupled model over HTTP: Triton's generate extension, which takes and gives JSON alone.

https://github.com/triton-inference-server/server, docs/protocol/extension_generate.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clients.errors import ClientError
from repository.arrays import Array, Arrays, DType, joined

_EVENT = b"data:"


class NotInJson(ClientError):
    """A request that has no form in JSON; the message is a sentence."""


def body_of(inputs: Arrays) -> bytes:
    """The body of a request to ``generate`` or ``generate_stream``.

    Raises:
        NotInJson: an input has bytes that are not text, or more than one axis.
    """
    return json.dumps({name: _value(name, array) for name, array in inputs.items()}).encode()


def events_of(content: bytes) -> list[dict[str, Any]] | None:
    """The objects in an answer: of each event, or the one that it is; None if it is neither.

    Args:
        content: the answer's body.
    """
    lines = [line for line in content.splitlines() if line.strip()]
    events = [line.removeprefix(_EVENT) for line in lines if line.startswith(_EVENT)]
    try:
        found = [json.loads(each) for each in events] if events else [json.loads(content)]
    except (ValueError, RecursionError):
        return None
    return found if all(isinstance(each, dict) for each in found) else None


def outputs_of(events: Sequence[Mapping[str, Any]], wanted: Mapping[str, str]) -> dict[str, Array]:
    """The outputs of an answer, each joined along its first axis.

    Args:
        events: its pieces.
        wanted: name -> data type.
    """
    return joined(
        [
            {name: _array(each[name], dtype) for name, dtype in wanted.items() if name in each}
            for each in events
        ]
    )


def _value(name: str, array: Array) -> Any:
    try:
        values = [
            each.decode() if isinstance(each, bytes) else each for each in array.ravel().tolist()
        ]
    except UnicodeDecodeError as problem:
        raise NotInJson(
            f"over HTTP a model that answers in pieces is asked in JSON, and input '{name}' has "
            "bytes that are not text; ask it over gRPC: `python -m clients ask`"
        ) from problem
    if array.ndim > 1:
        raise NotInJson(
            f"over HTTP a model that answers in pieces takes inputs of one axis, and input "
            f"'{name}' has {array.ndim}; ask it over gRPC: `python -m clients ask`"
        )
    return values[0] if len(values) == 1 else values


def _array(value: Any, dtype: str) -> Array:
    values = value if isinstance(value, list) else [value]
    if DType(dtype) is DType.BYTES:
        return np.array([str(each).encode() for each in values], np.object_)
    return np.array(values, DType(dtype).numpy)
