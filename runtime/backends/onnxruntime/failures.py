"""Errors of a request, as one sentence that a client may read.

ONNX Runtime's own texts hold source paths, node names and advice to the model's author; they go to
the server's log, never to a client.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

INVALID_ARG = "INVALID_ARG"
UNAVAILABLE = "UNAVAILABLE"
INTERNAL = "INTERNAL"
UNSUPPORTED = "UNSUPPORTED"

_RUNNING = re.compile(r"running ([A-Za-z0-9_.]+) node")
_MEMORY = re.compile(r"bad_alloc|allocate memory|BFCArena|out of memory", re.IGNORECASE)


class RequestError(Exception):
    """What is wrong with one request.

    Attributes:
        code: the name of a ``TritonError`` code.
    """

    def __init__(self, message: str, code: str = INVALID_ARG) -> None:
        super().__init__(message)
        self.code = code


def run_failure(error: Exception, inputs: Mapping[str, Any]) -> RequestError:
    """What a client is told when ONNX Runtime could not run its inputs.

    A graph's nodes fail because of the shapes and values that they get, so the request is at fault,
    unless memory ran out.

    Args:
        error: what ``InferenceSession.run`` raised.
        inputs: the arrays that it was given, by name.
    """
    text = str(error)
    given = ", ".join(
        f"'{name}' {array.dtype} {list(array.shape)}" for name, array in inputs.items()
    )
    if isinstance(error, MemoryError) or _MEMORY.search(text):
        return RequestError(f"not enough memory to run the model on {given}", UNAVAILABLE)
    node = _RUNNING.search(text)
    where = f": a {node.group(1)} node failed" if node else ""
    return RequestError(f"the model cannot run on {given}{where}")
