"""Values as somebody gives them: JSON, arrays of numpy, bytes."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from repository.arrays import Array
from repository.files.bounded_file import MAXIMUM_FILE, Unreadable, read_bounded
from repository.files.json_file import parse_json, read_json
from repository.files.reading import is_file
from repository.findings import shortened


class Json:
    """A value that was written as JSON.

    Attributes:
        value: as Python's json reads it.
    """

    def __init__(self, value: object) -> None:
        self.value = value


def read_value(text: str) -> Json | Array | bytes:
    """A value: JSON, or the content of a file.

    A text that is JSON is never taken for a file's name; ``./1`` names a file called ``1``.

    Raises:
        Unreadable: it is neither.
    """
    mistake = None
    try:
        return Json(parse_json(text.encode("utf-8", "surrogateescape"), "the value"))
    except Unreadable as problem:
        mistake = problem
    path = Path(text)
    if is_file(path):
        return _read_file(path)
    if text[:1] in ("[", "{", '"'):
        raise mistake
    raise Unreadable(
        "the value",
        "JSON or a file",
        f"no file '{shortened(text)}', and a text is written in quotes: '\"a text\"'",
    )


def _read_file(path: Path) -> Json | Array | bytes:
    if path.suffix == ".json":
        return Json(read_json(path))
    if path.suffix == ".npz":
        raise Unreadable(path, "one array", "a file of several; give it without NAME= before it")
    if path.suffix == ".npy":
        return _array(path, read_bounded(path, 2 * MAXIMUM_FILE))
    return read_bounded(path, MAXIMUM_FILE)


def arrays_of(path: Path) -> dict[str, Array]:
    """The arrays of an ``.npz`` by name.

    Raises:
        Unreadable: it is not an ``.npz``, or holds Python objects.
    """
    content = read_bounded(path, 2 * MAXIMUM_FILE)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = {each: archive.getinfo(each) for each in archive.namelist()}
            if sum(each.file_size for each in entries.values()) > 2 * MAXIMUM_FILE:
                raise Unreadable(path, f"at most {2 * MAXIMUM_FILE:,} bytes of arrays", "more")
            return {
                name.removesuffix(".npy"): _array(path, archive.read(entry))
                for name, entry in entries.items()
            }
    except Unreadable:
        raise
    except Exception as error:  # what a damaged archive raises has no common base but this
        raise Unreadable(path, "a file as numpy.savez writes it", str(error)) from None


def _array(path: Path, content: bytes) -> Array:
    try:
        loaded = np.load(io.BytesIO(content), allow_pickle=False)
    except Exception as error:  # what numpy raises of a damaged file has no common base but this
        pickled = "Object arrays" in str(error) or content[:1] == b"\x80"
        found = "objects of Python (pickle), which are not loaded" if pickled else "something else"
        raise Unreadable(path, "an array as numpy.save writes it", found) from None
    if not isinstance(loaded, np.ndarray):
        raise Unreadable(path, "an array as numpy.save writes it", "several")
    return loaded
