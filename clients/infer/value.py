"""Values as somebody gives them: JSON, arrays of numpy, bytes."""

from __future__ import annotations

from pathlib import Path

from repository.arrays import Array
from repository.files.bounded_file import MAXIMUM_FILE, Unreadable, read_bounded
from repository.files.json_file import parse_json, read_json
from repository.files.npz_file import MAXIMUM_ARRAYS, parse_npy
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
        return parse_npy(path, read_bounded(path, MAXIMUM_ARRAYS))
    return read_bounded(path, MAXIMUM_FILE)
