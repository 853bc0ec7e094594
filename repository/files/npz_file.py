"""Arrays by name, as ``numpy.savez`` writes them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from repository.arrays import Array
from repository.files.bounded_file import Unreadable, open_regular

WRITE = "Write it with numpy.savez(FILE, name=array, …), an array for each input."


def read_npz(path: Path) -> dict[str, Array]:
    """The arrays of a file; texts as objects of ``str``.

    Raises:
        Unreadable: it is no .npz, or holds Python objects, which run code when they are read.
        OSError: it is not there, or cannot be read.
    """
    expected = "a .npz file of arrays"
    try:
        with open_regular(path) as file, np.load(file, allow_pickle=False) as stored:
            if isinstance(stored, np.ndarray):
                raise Unreadable(path, expected, "one array")
            return {name: _as_text(stored[name]) for name in stored.files}
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        said = str(error).partition("\n")[0].rstrip(".")
        found = "Python objects, which run code when they are read" if "pickle" in said else said
        raise Unreadable(path, expected, found or "another file") from None


def _as_text(array: Array) -> Array:
    if array.dtype.kind == "S":
        texts = [each.decode() for each in array.ravel().tolist()]
        return np.array(texts, np.object_).reshape(array.shape)
    return array.astype(np.object_) if array.dtype.kind == "U" else array
