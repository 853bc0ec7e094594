"""What a resolved source is, and the rules that its files keep.

Weights are safetensors or ONNX. A pickle runs code when it is read, so none is ever among a
source's files: where it is the only form of the weights the source is refused, and beside
safetensors it is left out.
"""

from __future__ import annotations

import base64
import hashlib
import mmap
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from builders.kit.sources.error import SourceError, told
from builders.kit.sources.weights import (
    PICKLE_PATTERNS,
    WEIGHT_PATTERNS,
    check_safetensors,
    check_shards,
    check_weights,
    matches,
)
from repository.files.bounded_file import Unreadable, kind_at, open_regular
from repository.findings import shortened

MAXIMUM_FILES = 10_000
"""The most files in a checkpoint's folder; the root of a disk has more."""

_DATA_PATTERNS = ("*.safetensors", "*.onnx_data", "*.onnx_data_*", "*.onnx.data")
"""File names of weights that may be of any size."""

_MAXIMUM_ONNX = 2 << 30
"""Bytes that protobuf reads; a larger graph has its weights in a file beside it."""

_MAXIMUM_OTHER = 1 << 30
"""Bytes of settings, tokenizers and texts: the largest have a twentieth of that."""

FILE_PATTERNS = (
    *WEIGHT_PATTERNS,
    *_DATA_PATTERNS,
    "*.json",
    "*.jinja",
    "*.model",
    "*.spm",
    "*.tiktoken",
    "*.txt",
    "*.yaml",
    "*.yml",
    "LICEN[CS]E*",
    "NOTICE*",
    "README.md",
)
"""File names of a source: weights, configurations, tokenizers, licence, model card."""

_CHUNK = 1 << 20

_LOCATION = re.compile(rb"\x0a\x08location\x12([\x80-\xff]?[\x01-\x7f])")
"""An ONNX ``external_data`` entry as protobuf writes it: its key, then its value's length."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A verified checkpoint on disk.

    Attributes:
        uri: as it was asked for.
        path: the file or folder.
        revision: a commit, a version, or the files' own digest; equal revisions are equal files.
        licence: an SPDX identifier where one was declared; "unknown" where nothing was.
        files: relative path -> SHA-256 (hexadecimal) of every file that belongs to it.
        about: what it is and is not, in its model card's words; empty if the card has none.
    """

    uri: str
    path: Path
    revision: str
    licence: str
    files: Mapping[str, str]
    about: str = ""

    @property
    def digest(self) -> str:
        """The SHA-256 (hexadecimal) over all files' names and contents."""
        return digest(self.files)


def digest(files: Mapping[str, str]) -> str:
    """The SHA-256 over the lines that ``sha256sum`` prints for these files, sorted by name."""
    lines = "".join(f"{files[name]}  {name}\n" for name in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()


def sha256(path: Path) -> str:
    """The SHA-256 (hexadecimal) of a file's content.

    Raises:
        SourceError: it is not a regular file, or cannot be read, or is longer than its size says,
            as files in /proc are.
    """
    found = hashlib.sha256()
    with told("Name a file on a disk."), open_regular(path) as stream:
        left = os.fstat(stream.fileno()).st_size
        while chunk := stream.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise Unreadable(path, "a file of the size that it says", "one that goes on")
            found.update(chunk)
    return found.hexdigest()


def record_hash(hexadecimal: str) -> str:
    """A SHA-256 as a wheel's RECORD has it: base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(bytes.fromhex(hexadecimal)).decode().rstrip("=")


def inside(folder: Path, relative: str, *, allowed: Path | None = None) -> Path:
    """A file below a folder, symbolic links followed.

    Args:
        folder: the resolved folder.
        relative: the file's path in it.
        allowed: a second folder that links may lead to.

    Raises:
        SourceError: the file lies elsewhere.
    """
    # Path.resolve fails where links lead in a circle; opening such a file says so.
    target = Path(os.path.realpath(folder / relative))
    if target.is_relative_to(folder) or (allowed and target.is_relative_to(allowed)):
        return target
    raise SourceError(
        f"{folder}: expected files inside the folder, found '{shortened(relative)}', which leads "
        "out of it. "
        "Copy the folder with its links followed (cp -rL), and look at what it links to."
    )


def source_file(path: Path) -> dict[str, str]:
    """One file and, for ONNX, the sidecars that it names, as relative path -> SHA-256.

    Raises:
        SourceError: a pickle, a sidecar outside the file's folder, or no file that can be read.
    """
    if matches(path.name, PICKLE_PATTERNS):
        raise SourceError(
            f"{path}: expected weights as safetensors or ONNX, found a pickle, which runs code "
            "when it is read. Convert it with safetensors.torch.save_file."
        )
    folder = Path(os.path.realpath(path.parent))
    # os.path.isfile is False for chance bytes that are no path, where Path.is_file raises.
    _check_size(path, None)
    sidecars = [name for name in _sidecars(path) if os.path.isfile(folder / name)]  # noqa: PTH113
    return _hashes(folder, dict.fromkeys([path.name, *sidecars]))


def source_folder(folder: Path, *, allowed: Path | None = None) -> dict[str, str]:
    """A folder's files as relative path -> SHA-256; anything else in it is left out.

    Raises:
        SourceError: no weights, weights only as pickles, missing shards, links that lead out, files
            that cannot be read or named in a manifest, or far too many of them.
    """
    folder = Path(os.path.realpath(folder))
    names = _names(folder)
    wanted = {name for name in names if matches(name, FILE_PATTERNS)}
    for name in sorted(wanted):
        file = inside(folder, name, allowed=allowed)
        if not matches(name, _DATA_PATTERNS):
            _check_size(file, _MAXIMUM_OTHER)
        if name.endswith(".onnx"):
            parent = PurePosixPath(name).parent
            sidecars = {str(parent / location) for location in _sidecars(file)}
            wanted |= sidecars & set(names)
    check_weights(folder, names)
    check_shards(folder, wanted)
    return _hashes(folder, sorted(wanted), allowed)


def _hashes(folder: Path, names: Collection[str], allowed: Path | None = None) -> dict[str, str]:
    for name in names:
        if not name.isprintable():
            raise SourceError(
                f"{folder}: expected names of files that can be printed, found "
                f"'{shortened(name)}'. Rename it."
            )
    files = {name: inside(folder, name, allowed=allowed) for name in names}
    # Quick checks come first, so that hours are spent on whole files only.
    for file in files.values():
        with told("Name a file on a disk."), open_regular(file):
            pass
    if allowed is None:  # otherwise the hub's cache knows better what is wrong with them
        check_safetensors(folder, names)
    return {name: sha256(file) for name, file in files.items()}


def _check_size(file: Path, maximum: int | None) -> None:
    """Refuse a file that is larger than its kind can be; opening says if it is not a file."""
    limit = _MAXIMUM_ONNX if file.suffix == ".onnx" else maximum
    with told():
        size = file.stat().st_size if kind_at(file) == "file" else 0
    if limit is not None and size > limit:
        raise SourceError(
            f"{file}: expected at most {limit:,} bytes, found {size:,}. Use the file that came "
            "with the checkpoint."
        )


def _names(folder: Path) -> list[str]:
    """The files below a folder but hidden ones, sorted."""
    names: list[str] = []
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        if any(part.startswith(".") for part in relative.parts) or path.is_dir():
            continue
        names.append(str(PurePosixPath(relative)))
        if len(names) > MAXIMUM_FILES:
            raise SourceError(
                f"{folder}: expected a checkpoint's folder, of at most {MAXIMUM_FILES:,} files, "
                "found more. Name the folder of the checkpoint alone."
            )
    return sorted(names)


def _sidecars(path: Path) -> list[str]:
    """The ``external_data`` locations in an ONNX file, found without parsing all of it."""
    if path.suffix != ".onnx":
        return []
    found = []
    with told("Name a file on a disk."), open_regular(path) as file:
        if not os.fstat(file.fileno()).st_size:
            return []
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            for match in _LOCATION.finditer(content):
                length = sum((byte & 0x7F) << (7 * i) for i, byte in enumerate(match.group(1)))
                raw = content[match.end() : match.end() + length]
                try:
                    found.append(str(PurePosixPath(raw.decode())))
                except UnicodeDecodeError:
                    continue  # chance bytes of a weight
    return list(dict.fromkeys(found))
