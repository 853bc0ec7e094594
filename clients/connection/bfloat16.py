"""BF16, which numpy does not have."""

from __future__ import annotations

import numpy as np

from repository.arrays import Array


def of_bfloat16(content: bytes) -> Array:
    """Values of BF16 as float32.

    Args:
        content: two bytes a value, little-endian, as Triton sends them.

    Returns:
        A list of them, one axis.
    """
    return (np.frombuffer(content, "<u2").astype(np.uint32) << 16).view(np.float32)
