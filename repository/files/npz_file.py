"""Arrays by name, as ``numpy.savez`` writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from repository.arrays import Array
from repository.files.bounded_file import Unreadable, open_regular
from repository.findings import shortened

WRITE = "Write it with numpy.savez(FILE, name=array, …), an array for each input."


def read_npz(path: Path) -> dict[str, Array]:
    """The arrays of a file; texts as objects of ``str``.

    Raises:
        Unreadable: it is no .npz, or holds Python objects, which run code when they are read.
        OSError: it is not there, or cannot be read.
    """
    expected = "a .npz file of arrays"
    try:
        with open_regular(path) as file:
            stored = np.load(file, allow_pickle=False)
            if isinstance(stored, np.ndarray):
                raise Unreadable(path, expected, "one array, as numpy.save writes it")
            with stored:
                return {name: _as_text(name, stored[name]) for name in stored.files}
    except (Unreadable, OSError):
        raise
    except Exception as error:  # what numpy raises of a damaged file has no common base but this
        said = str(error).partition("\n")[0].rstrip(".")
        found = "Python objects, which run code when they are read" if "pickle" in said else said
        raise Unreadable(path, expected, found or "another file") from None


def _as_text(name: str, array: object) -> Array:
    if not isinstance(array, np.ndarray):
        raise ValueError(f"'{shortened(name)}', which is not an array")
    if array.dtype.kind == "S":
        texts = [each.decode() for each in array.ravel().tolist()]
        return np.array(texts, np.object_).reshape(array.shape)
    return array.astype(np.object_) if array.dtype.kind == "U" else array
