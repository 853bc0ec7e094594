"""Layers of an image: uncompressed tars that are the same bytes for the same files.

A layer is never written to disk: it is a row of headers and files, which can be read from any
offset. It is not compressed: weights hardly shrink, and a digest then depends on no zlib's version.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from repository.manifest import File
from repository.manifest.schema import MANIFEST
from repository.transfer.contents import CHUNK, Contents

ROOT = "models"
"""The folder in the image, at which KServe looks (modelcar: ``/proc/PID/root/models``)."""

TAR = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        title: what it holds, as "models/detect".
        parts: bytes, or files with their sizes, one after another.
        size: its bytes.
        digest: ``sha256:…``.
    """

    title: str
    parts: tuple[bytes | tuple[Path, int], ...]
    size: int
    digest: str

    def read(self, offset: int = 0) -> Iterator[bytes]:
        """Its bytes from an offset on."""
        yield from _read(self.parts, offset)

    def descriptor(self) -> dict[str, object]:
        """As an image's manifest names it."""
        return {
            "mediaType": TAR,
            "digest": self.digest,
            "size": self.size,
            "annotations": {"org.opencontainers.image.title": self.title},
        }


def layers_of(contents: Contents) -> list[Layer]:
    """A layer for each model, and one, the last, for the manifest and the signature."""
    groups: dict[str, dict[str, File]] = {}
    root: dict[str, File] = {}
    for name, file in contents.files.items():
        model, slash, _ = name.partition("/")
        (groups.setdefault(model, {}) if slash else root)[name] = file
    root[MANIFEST] = contents.last
    made = [_layer(f"{ROOT}/{model}", contents.folder, files) for model, files in groups.items()]
    return [*made, _layer(ROOT, contents.folder, root)]


def _layer(title: str, folder: Path, files: Mapping[str, File]) -> Layer:
    parents = {str(each) for name in files for each in PurePosixPath(f"{ROOT}/{name}").parents}
    parts: list[bytes | tuple[Path, int]] = []
    for name in sorted(parents - {"."}):
        parts.append(header(name, 0, tarfile.DIRTYPE, 0o755))
    for name, file in sorted(files.items()):
        parts.append(header(f"{ROOT}/{name}", file.bytes, tarfile.REGTYPE, 0o644))
        parts.append((folder / name, file.bytes))
        parts.append(b"\0" * (-file.bytes % tarfile.BLOCKSIZE))
    parts.append(b"\0" * (2 * tarfile.BLOCKSIZE))
    digest = hashlib.sha256()
    for chunk in _read(tuple(parts), 0):
        digest.update(chunk)
    size = sum(len(part) if isinstance(part, bytes) else part[1] for part in parts)
    return Layer(title, tuple(parts), size, f"sha256:{digest.hexdigest()}")


def header(name: str, size: int, kind: bytes, mode: int) -> bytes:
    """A tar's entry, without a time or an owner: a file's content follows it, in whole blocks."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.mode = size, kind, mode
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def _read(parts: tuple[bytes | tuple[Path, int], ...], offset: int) -> Iterator[bytes]:
    for part in parts:
        size = len(part) if isinstance(part, bytes) else part[1]
        if offset >= size:
            offset -= size
            continue
        if isinstance(part, bytes):
            yield part[offset:]
        else:
            with part[0].open("rb") as file:
                file.seek(offset)
                while chunk := file.read(CHUNK):
                    yield chunk
        offset = 0
