"""Arrays by name, and Triton's data types."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]
Arrays = Mapping[str, Array]
"""Tensors by name."""


class DType(enum.StrEnum):
    """Triton's tensor data types, by the names of the KServe v2 protocol."""

    BOOL = "BOOL"
    UINT8 = "UINT8"
    UINT16 = "UINT16"
    UINT32 = "UINT32"
    UINT64 = "UINT64"
    INT8 = "INT8"
    INT16 = "INT16"
    INT32 = "INT32"
    INT64 = "INT64"
    FP16 = "FP16"
    FP32 = "FP32"
    FP64 = "FP64"
    BYTES = "BYTES"
    BF16 = "BF16"

    @property
    def config_name(self) -> str:
        """The member of ``inference.DataType`` in model_config.proto, as ``TYPE_FP32``."""
        return "TYPE_STRING" if self is DType.BYTES else f"TYPE_{self.value}"

    @property
    def numpy(self) -> np.dtype[np.generic]:
        """The numpy dtype that carries it; BYTES is ``object``.

        Raises:
            TypeError: numpy has no BF16.
        """
        if self is DType.BF16:
            raise TypeError("numpy has no dtype for BF16")
        if self is DType.BYTES:
            return np.dtype(np.object_)
        named = self.value.replace("FP", "float").lower()
        return np.dtype(named)

    @classmethod
    def from_config(cls, config_name: str) -> DType:
        """The type whose :attr:`config_name` this is.

        Raises:
            ValueError: not the name of a Triton data type.
        """
        name = config_name.removeprefix("TYPE_")
        return cls("BYTES" if name == "STRING" else name)

    @classmethod
    def from_numpy(cls, dtype: np.dtype[np.generic]) -> DType:
        """The type that carries a numpy dtype; bytes, str and object are BYTES.

        Raises:
            ValueError: Triton has no such type.
        """
        if dtype.kind in "OSU":
            return cls.BYTES
        return cls(dtype.name.upper().replace("FLOAT", "FP"))


def joined(pieces: Sequence[Arrays]) -> dict[str, Array]:
    """The pieces of an answer as one: each output joined along its first axis.

    Args:
        pieces: the outputs by name; one that a piece lacks is taken from the others. A number alone
            counts as one row.

    Raises:
        ValueError: the pieces of an output differ in their other axes.
    """
    found: dict[str, list[Array]] = {}
    for piece in pieces:
        for name, given in piece.items():
            array = np.atleast_1d(np.asarray(given))
            # Of bytes numpy would drop the zeros at the end.
            found.setdefault(name, []).append(
                array.astype(np.object_) if array.dtype.kind in "SU" else array
            )
    return {name: np.concatenate(arrays) for name, arrays in found.items()}
