"""Rules on ONNX external data: the weights that lie in files beside the model.

ONNX Runtime looks for them in the folder of the model's file, whether that file stands alone in the
version folder or in a folder ``model.onnx``, and reads as many bytes as a tensor's shape says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from onnx import TensorProto

from repository.check.rules import finding
from repository.files.reading import POINTER, is_file, is_pointer
from repository.findings import Finding
from repository.onnx.content import raw_bytes

_AGAIN = "Fetch or save the model again, with all of its data beside it."


def check_external(where: str, file: Path, tensors: Sequence[TensorProto]) -> Iterator[Finding]:
    """Findings about external data, one for each file that is missing or wrong.

    Args:
        where: what to call the model's file.
        file: the model's file.
        tensors: those of its tensors whose data lies elsewhere.
    """
    told: set[str] = set()
    for tensor in tensors:
        entries = {_text(entry.key): _text(entry.value) for entry in tensor.external_data}
        location = entries.get("location", "")
        if location in told:
            continue
        for rule, expected, found, remedy in _mistakes(file, location, entries, tensor):
            told.add(location)
            yield finding(rule, where, expected, found, remedy, tensor=_text(tensor.name))


def _mistakes(
    file: Path, location: str, entries: dict[str, str], tensor: TensorProto
) -> Iterator[tuple[str, str, str, str]]:
    """Rule, expected, found and remedy: the first mistake of a tensor's data."""
    data = file.parent / location
    if not location:
        yield "external-data", "the location of its external data", "none", _AGAIN
    elif not _stays_inside(file, location):
        yield (
            "external-path",
            "its external data in the folder of the model",
            f"'{location}', which leads out of it",
            "Put the data beside the model. Do not use a model that reads other files.",
        )
    elif not is_file(data):
        yield (
            "external-data",
            f"its external data in '{location}' beside it",
            "no such file",
            _AGAIN,
        )
    else:
        mistakes = list(_size(data, location, entries, tensor))
        if is_pointer(data):
            # ONNX Runtime takes its text for the weights of a tensor that is small enough.
            yield (
                mistakes[0][0] if mistakes else "external-pointer",
                f"its external data in '{location}'",
                POINTER,
                "Fetch the data itself, with git lfs pull.",
            )
        else:
            yield from mistakes


def _size(
    data: Path, location: str, entries: dict[str, str], tensor: TensorProto
) -> Iterator[tuple[str, str, str, str]]:
    try:
        need = raw_bytes(tensor)
    except KeyError:
        yield "external-data", "a tensor of a known data type", str(tensor.data_type), _AGAIN
        return
    try:
        # ONNX Runtime takes a length of 0 for none written.
        offset, length = int(entries.get("offset", 0)), int(entries.get("length", 0)) or need
    except ValueError:
        found = ", ".join(
            f"{key} '{entries[key]}'" for key in ("offset", "length") & entries.keys()
        )
        yield "external-data", "its offset and length as numbers", found, _AGAIN
        return
    size = data.stat().st_size
    if length != need:
        yield "external-data", f"a length of {need} bytes, as its shape needs", str(length), _AGAIN
    elif not 0 <= offset <= size - need:
        yield (
            "external-data",
            f"{need} bytes at offset {offset} of '{location}'",
            f"a file of {size} bytes",
            _AGAIN,
        )


def _stays_inside(file: Path, location: str) -> bool:
    """Whether the data lies with the model; newer ONNX Runtimes also follow links to tell."""
    lexical = PurePosixPath(location)
    if lexical.is_absolute() or ".." in lexical.parts or "\0" in location:
        return False
    folders = {file.parent.resolve(), file.resolve().parent}
    data = (file.parent / location).resolve()
    return any(data.is_relative_to(folder) for folder in folders)


def _text(name: str | bytes) -> str:
    """A name; bytes that are no UTF-8 are handed out as bytes."""
    return name.decode(errors="backslashreplace") if isinstance(name, bytes) else name
