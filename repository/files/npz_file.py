"""Arrays as ``numpy.save`` and ``numpy.savez`` write them, from files of anybody."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from repository.arrays import Array
from repository.files.bounded_file import MAXIMUM_FILE, Unreadable, open_regular, reason

WRITE = "Write it with numpy.savez(FILE, name=array, …), an array for each input."

MAXIMUM_ARRAYS = 2 * MAXIMUM_FILE
"""Bytes of all arrays of a file: no request takes more."""


def read_npz(path: Path) -> dict[str, Array]:
    """The arrays of a file by name; texts as objects of ``str``.

    Raises:
        Unreadable: as :func:`read_arrays`; or a text is not UTF-8.
    """
    return {name: _as_text(path, array) for name, array in read_arrays(path).items()}


def read_arrays(path: Path) -> dict[str, Array]:
    """The arrays of a file by name, as they are stored.

    Raises:
        Unreadable: it is not there, cannot be read, is not a .npz, has more than
            :data:`MAXIMUM_ARRAYS`, or holds Python objects, which run code when they are read.
    """
    expected = "a .npz file of arrays"
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if sum(each.file_size for each in entries) > MAXIMUM_ARRAYS:
                raise Unreadable(path, f"at most {MAXIMUM_ARRAYS:,} bytes of arrays", "more")
            return {
                each.filename.removesuffix(".npy"): parse_npy(path, archive.read(each), expected)
                for each in entries
            }
    except Unreadable:
        raise
    except OSError as error:
        raise Unreadable(path, expected, reason(error)) from None
    except Exception as error:  # what a damaged archive raises has no common base but this
        said = str(error).partition("\n")[0].rstrip(".")
        raise Unreadable(path, expected, said or "another file") from None


def parse_npy(path: Path, content: bytes, expected: str = "a .npy file of an array") -> Array:
    """An array as ``numpy.save`` writes it.

    Args:
        path: where it was read, for an error.
        content: the file's, or that of an entry of a .npz.
        expected: what the file at that path should be, for an error.

    Raises:
        Unreadable: it is something else, or holds Python objects.
    """
    try:
        loaded = np.load(io.BytesIO(content), allow_pickle=False)
    except Exception as error:  # what numpy raises of damaged content has no common base but this
        said = str(error).partition("\n")[0].rstrip(".")
        objects = "allow_pickle" in said or content[:1] == b"\x80"
        found = "Python objects, which run code when they are read" if objects else said
        raise Unreadable(path, expected, found or "something else") from None
    if not isinstance(loaded, np.ndarray):
        raise Unreadable(path, expected, "a file of several")
    return loaded


def _as_text(path: Path, array: Array) -> Array:
    if array.dtype.kind == "S":
        try:
            texts = [each.decode() for each in array.ravel().tolist()]
        except UnicodeDecodeError as error:
            raise Unreadable(path, "texts in UTF-8", str(error)) from None
        return np.array(texts, np.object_).reshape(array.shape)
    return array.astype(np.object_) if array.dtype.kind == "U" else array
