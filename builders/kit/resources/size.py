"""How many bytes tensors take on their way between models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def size_of(tensors: Mapping[str, Any]) -> int:
    """The bytes of numpy arrays; each string of an object array has a length of four bytes.

    Source of the four bytes: Triton's BYTES representation, tritonclient.utils.
    """
    total = 0
    for array in tensors.values():
        if array.dtype.kind == "O":
            total += sum(
                4 + len(each if isinstance(each, bytes) else str(each).encode())
                for each in array.ravel()
            )
        else:
            total += array.nbytes
    return total
