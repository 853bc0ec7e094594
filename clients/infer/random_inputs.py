"""Random inputs, the same for the same seed."""

from __future__ import annotations

import math

import numpy as np

from clients.infer.texts import of_texts
from repository.arrays import Array, DType
from repository.usage.tensors import ServedTensor

_WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta")
_BYTES = (DType.UINT8, DType.INT8)


def random_array(
    tensor: ServedTensor, shape: tuple[int, ...], random: np.random.Generator
) -> Array:
    """Values that most models take.

    Real numbers are normally distributed, around 0 with a deviation of 1. UINT8 and INT8, the
    types of pixels and of quantised values, have their whole range; other integers are 0 or 1,
    since they may be indexes of a short table. Texts are Greek letters' names.
    """
    if tensor.dtype is DType.BYTES:
        chosen = random.integers(len(_WORDS), size=math.prod(shape))
        return of_texts([_WORDS[each].encode() for each in chosen], shape)
    if tensor.dtype is DType.BF16:
        return random.standard_normal(shape).astype(np.float32)
    kind = tensor.dtype.numpy
    if kind.kind == "f":
        return random.standard_normal(shape).astype(kind)
    if tensor.dtype in _BYTES:
        limits = np.iinfo(kind.name)
        return random.integers(limits.min, limits.max, shape, endpoint=True).astype(kind)
    return random.integers(2, size=shape).astype(kind)
