"""What a resolved source is, and the rules that its files keep.

Weights are safetensors or ONNX. A pickle runs code when it is read, so none is ever among a
source's files: where it is the only form of the weights the source is refused, and beside
safetensors it is left out.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os.path
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

WEIGHT_PATTERNS = ("*.safetensors", "*.onnx")
"""File names of weights."""

FILE_PATTERNS = (
    *WEIGHT_PATTERNS,
    "*.onnx_data",
    "*.onnx_data_*",
    "*.onnx.data",
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

PICKLE_PATTERNS = ("*.bin", "*.ckpt", "*.pickle", "*.pkl", "*.pt", "*.pth", "*.joblib", "*.npy")
"""File names of weights that only unpickling reads, or that may hold pickled objects."""

_LOCATION = re.compile(rb"\x0a\x08location\x12([\x80-\xff]?[\x01-\x7f])")
"""An ONNX ``external_data`` entry as protobuf writes it: its key, then its value's length."""


class SourceError(ValueError):
    """A source that is missing, not pinned, unsafe, or not what it was."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A verified checkpoint on disk.

    Attributes:
        uri: as it was asked for.
        path: the file or folder.
        revision: a commit, a version, or the files' own digest; equal revisions are equal files.
        licence: an SPDX identifier where one was declared; "unknown" where nothing was.
        files: relative path -> SHA-256 (hexadecimal) of every file that belongs to it.
        about: what it is and is not, in its model card's words; empty where the card has none.
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
    """The SHA-256 (hexadecimal) of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def record_hash(hexadecimal: str) -> str:
    """A SHA-256 as a wheel's RECORD has it: base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(bytes.fromhex(hexadecimal)).decode().rstrip("=")


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a relative path's last part fits one of the patterns."""
    last = PurePosixPath(name).name
    return any(fnmatchcase(last, pattern) for pattern in patterns)


def inside(folder: Path, relative: str, *, allowed: Path | None = None) -> Path:
    """A file below a folder, symbolic links followed.

    Args:
        folder: the resolved folder.
        relative: the file's path in it.
        allowed: a second folder that links may lead to.

    Raises:
        SourceError: the file lies elsewhere.
    """
    target = (folder / relative).resolve()
    if target.is_relative_to(folder) or (allowed and target.is_relative_to(allowed)):
        return target
    raise SourceError(
        f"{folder}: expected files inside the folder, found '{relative}', which leads out of it. "
        "Copy the folder with its links followed (cp -rL), and look at what it links to."
    )


def source_file(path: Path) -> dict[str, str]:
    """One file and, for ONNX, the sidecars that it names, as relative path -> SHA-256.

    Raises:
        SourceError: a pickle, or a sidecar outside the file's folder.
    """
    if matches(path.name, PICKLE_PATTERNS):
        raise SourceError(
            f"{path}: expected weights as safetensors or ONNX, found a pickle, which runs code "
            "when it is read. Convert it with safetensors.torch.save_file."
        )
    folder = path.parent.resolve()
    # os.path.isfile is False for chance bytes that are no path, where Path.is_file raises.
    sidecars = [name for name in _sidecars(path) if os.path.isfile(folder / name)]  # noqa: PTH113
    names = [path.name, *sidecars]
    return {name: sha256(inside(folder, name)) for name in dict.fromkeys(names)}


def source_folder(folder: Path, *, allowed: Path | None = None) -> dict[str, str]:
    """A folder's files as relative path -> SHA-256; anything else in it is left out.

    Raises:
        SourceError: no weights, weights only as pickles, missing shards, or links that lead out.
    """
    folder = folder.resolve()
    names = sorted(
        str(PurePosixPath(path.relative_to(folder)))
        for path in folder.rglob("*")
        if not path.is_dir() and not any(part.startswith(".") for part in _parts(path, folder))
    )
    wanted = {name for name in names if matches(name, FILE_PATTERNS)}
    for name in sorted(wanted):
        file = inside(folder, name, allowed=allowed)
        if name.endswith(".onnx"):
            parent = PurePosixPath(name).parent
            sidecars = {str(parent / location) for location in _sidecars(file)}
            wanted |= sidecars & set(names)
    _check_weights(folder, names)
    _check_shards(folder, wanted)
    return {name: sha256(inside(folder, name, allowed=allowed)) for name in sorted(wanted)}


def _parts(path: Path, folder: Path) -> tuple[str, ...]:
    return path.relative_to(folder).parts


def _check_weights(folder: Path, names: Iterable[str]) -> None:
    names = list(names)
    if any(matches(name, WEIGHT_PATTERNS) for name in names):
        return
    pickles = [name for name in names if matches(name, PICKLE_PATTERNS)]
    if pickles:
        raise SourceError(
            f"{folder}: expected weights as safetensors or ONNX, found only pickles "
            f"({', '.join(pickles[:3])}), which run code when they are read. Use a revision with "
            "safetensors, or convert them with safetensors.torch.save_file."
        )
    raise SourceError(
        f"{folder}: expected weights ({' or '.join(WEIGHT_PATTERNS)}), found "
        f"{', '.join(names[:5]) or 'an empty folder'}. Name the folder that holds them."
    )


def _check_shards(folder: Path, names: Iterable[str]) -> None:
    """Refuse a folder that lacks weights which its own index names."""
    there = set(names)
    for name in sorted(there):
        if not name.endswith(".safetensors.index.json"):
            continue
        try:
            shards = set(json.loads((folder / name).read_bytes())["weight_map"].values())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SourceError(
                f"{folder / name}: expected an index of shards, found something else. "
                "Fetch it again."
            ) from error
        parent = PurePosixPath(name).parent
        missing = sorted(shard for shard in shards if str(parent / shard) not in there)
        if missing:
            raise SourceError(
                f"{folder}: expected the {len(shards)} shards that {name} names, found "
                f"{len(missing)} missing ({', '.join(missing[:3])}). Fetch it again."
            )


def _sidecars(path: Path) -> list[str]:
    """The ``external_data`` locations in an ONNX file, found without parsing all of it."""
    if path.suffix != ".onnx":
        return []
    content = path.read_bytes()
    found = []
    for match in _LOCATION.finditer(content):
        length = sum((byte & 0x7F) << (7 * i) for i, byte in enumerate(match.group(1)))
        raw = content[match.end() : match.end() + length]
        try:
            found.append(str(PurePosixPath(raw.decode())))
        except UnicodeDecodeError:
            continue  # chance bytes of a weight
    return list(dict.fromkeys(found))
