"""Tensors in system shared memory: laid out, written, and read back."""

from __future__ import annotations

import os
import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np
from tritonclient.utils import serialize_byte_tensor, triton_to_np_dtype

_ALIGNMENT = 64
"""Bytes; that of a processor's cache line."""


@dataclass(frozen=True)
class Place:
    """Where in a region a tensor lies, in bytes."""

    offset: int
    size: int


class Region:
    """One shared memory region; its name is also its key.

    Args:
        sizes: name -> the bytes that are kept for it.

    Attributes:
        name: of the region, unlike any other's.
        places: name -> where its bytes are.

    Raises:
        OSError: there is no room for it.
    """

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self.name = f"perf_{os.getpid()}_{secrets.token_hex(6)}"
        self.places: dict[str, Place] = {}
        offset = 0
        for name, size in sizes.items():
            self.places[name] = Place(offset, size)
            offset += -(-size // _ALIGNMENT) * _ALIGNMENT
        self.size = max(offset, 1)
        self._memory = SharedMemory(self.name, create=True, size=self.size)
        try:
            # A file that is only as long as it should be has no memory yet, and a full /dev/shm
            # would end this process, and the server, at the first write (SIGBUS).
            with Path("/dev/shm", self.name).open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, self.size)
        except OSError:
            self.remove()
            raise

    @property
    def _bytes(self) -> memoryview:
        view = self._memory.buf
        assert view is not None, f"region {self.name} was removed"
        return view

    def write(self, name: str, content: bytes) -> None:
        """Puts a tensor's bytes, at most as many as were kept, into its place."""
        start = self.places[name].offset
        self._bytes[start : start + len(content)] = content

    def read(self, name: str, datatype: str, shape: list[int]) -> np.ndarray:
        """A copy of a tensor, of a Triton datatype as ``FP32`` or ``BYTES``."""
        place = self.places[name]
        content = bytes(self._bytes[place.offset : place.offset + place.size])
        count = int(np.prod(shape))
        if datatype == "BYTES":
            return _strings(content, count).reshape(shape)
        return np.frombuffer(content, triton_to_np_dtype(datatype), count).reshape(shape).copy()

    def remove(self) -> None:
        """Gives the memory back. A server that still has it mapped keeps its view."""
        self._memory.close()
        self._memory.unlink()


def content_of(array: np.ndarray) -> bytes:
    """An array as its bytes in a tensor; strings each with their length before them."""
    if array.dtype.hasobject or array.dtype.kind in "SU":
        return bytes(serialize_byte_tensor(array).item()) if array.size else b""
    return array.tobytes()


def _strings(content: bytes, count: int) -> np.ndarray:
    found = np.empty(count, dtype=object)
    at = 0
    for number in range(count):
        (length,) = struct.unpack_from("<I", content, at)
        found[number] = content[at + 4 : at + 4 + length]
        at += 4 + length
    return found
