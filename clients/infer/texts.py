"""Arrays of BYTES."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from repository.arrays import Array


def of_texts(texts: Sequence[bytes], shape: Sequence[int]) -> Array:
    """Texts as an array of objects, as tritonclient takes it.

    Args:
        texts: as many as the shape has places.
        shape: its sizes.
    """
    made = np.empty(len(texts), np.object_)
    made[:] = texts
    return made.reshape(shape)
