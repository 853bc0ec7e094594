"""A recogniser's dictionary: the characters of its classes, beside the model or in its metadata."""

from __future__ import annotations

import codecs
from pathlib import Path

from onnx import ModelProto

from builders.kit.sources.error import SourceError, told
from repository.files.bounded_file import read_bounded
from repository.onnx.content import OnnxError

METADATA_KEY = "character"
"""Where PP-OCR's ONNX files carry their dictionary."""

MAXIMUM_DICTIONARY = 16 << 20
"""Bytes; the largest known one, of 18,710 characters, has 75,000."""

_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
"""What files in other encodings begin with; UTF-32's little-endian mark begins with UTF-16's."""


def read_dictionary(model: ModelProto, checkpoint: Path) -> list[str]:
    """A recogniser's characters, without blank, in the order of its classes.

    Args:
        model: it may lack its weights.
        checkpoint: where it was read from. A folder may hold the dictionary as its only text file,
            one character a line. (A file beside a model that is given alone would not be part of
            what the build hashes.)

    Raises:
        OnnxError: there is no dictionary.
        SourceError: it cannot be read, or is not in UTF-8.
    """
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY:
            return _lines(entry.value)
    lists = sorted(checkpoint.glob("*.txt")) if checkpoint.is_dir() else []
    if len(lists) == 1:
        return _lines(_text(lists[0]))
    raise OnnxError(
        f"{checkpoint}: expected the dictionary in the metadata key '{METADATA_KEY}', or one .txt "
        f"file in a folder with the model, found {len(lists) or 'neither'}. Put both into a "
        "folder, one character a line, and name the folder as the source."
    )


def classes_of(characters: list[str], classes: int, checkpoint: Path) -> list[str]:
    """Every class's character: the blank as an empty one, the dictionary, the space.

    Args:
        characters: the dictionary. It may or may not hold the space; PP-OCR appends it.
        classes: how many the model has.
        checkpoint: named in the error.

    Raises:
        OnnxError: they do not fit.
    """
    found = ["", *characters, *([] if " " in characters else [" "])]
    if len(found) != classes:
        raise OnnxError(
            f"{checkpoint}: expected a dictionary for {classes} classes, found {len(characters)} "
            "characters besides blank and space. Put the dictionary of this model beside it."
        )
    return found


def _text(path: Path) -> str:
    with told():
        content = read_bounded(path, MAXIMUM_DICTIONARY)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        marked = next((name for mark, name in _MARKS if content.startswith(mark)), "")
        found = f"a byte order mark of {marked}" if marked else f"byte {error.start} that is not"
        encoding = marked or "ITS-ENCODING"
        raise SourceError(
            f"{path}: expected a dictionary in UTF-8, found {found}. Convert it: iconv -f "
            f"{encoding} -t UTF-8."
        ) from None


def _lines(text: str) -> list[str]:
    """One character a line; a byte order mark does not count."""
    lines = text.removeprefix("\ufeff").rstrip("\r\n").split("\n")
    return [line.rstrip("\r") for line in lines]
