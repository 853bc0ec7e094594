"""Arrays by name, and Triton's data types."""

from __future__ import annotations

import enum
from collections.abc import Mapping

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
