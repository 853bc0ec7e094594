"""The rendered objects as an OCI artefact, which Flux, Argo CD and oras fetch by its digest.

One layer, a tar with ``manifests.yaml``, since Argo CD takes no more than one, and gzip, since Flux
takes nothing else (fluxcd/flux2, rfcs/0003; Argo CD, user guide, OCI). The same objects have the
same digest on every machine: the tar has no times, and gzip stores its blocks uncompressed, so
zlib's version does not matter.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from repository.transfer.address import Image, Layout
from repository.transfer.errors import TransferError
from repository.transfer.oci.document import TITLE
from repository.transfer.oci.layer import header
from repository.transfer.oci.push import came_back, digest_of, write_blobs
from repository.transfer.oci.registry import MANIFEST_TYPE, Registry

NAME = "manifests.yaml"
TYPE = "application/vnd.triton-multimodal-kit.manifests.v1"
"""The artefact's type, by which a push recognises earlier artefacts."""

LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG_TYPE = "application/vnd.oci.empty.v1+json"
CONFIG = b"{}"
"""The empty configuration of image-spec 1.1, manifest.md."""

_STORED = 0xFFFF
"""Bytes of a stored block at most (RFC 1951, 3.2.4)."""


@dataclass(frozen=True)
class Artefact:
    """What is sent: a layer, and the manifest that names it."""

    layer: bytes
    manifest: bytes

    @property
    def digest(self) -> str:
        """By which it is fetched."""
        return digest_of(self.manifest)

    def blobs(self) -> dict[str, bytes]:
        """What the manifest names, by digest."""
        return {digest_of(each): each for each in (self.layer, CONFIG)}


def artefact_of(objects: bytes) -> Artefact:
    """The artefact of rendered objects, the same bytes for the same objects.

    Args:
        objects: YAML documents in UTF-8.
    """
    end = b"\0" * (-len(objects) % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE)
    layer = _gzip(header(NAME, len(objects), tarfile.REGTYPE, 0o644) + objects + end)
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": TYPE,
        "config": {"mediaType": CONFIG_TYPE, "digest": digest_of(CONFIG), "size": len(CONFIG)},
        "layers": [
            {
                "mediaType": LAYER_TYPE,
                "digest": digest_of(layer),
                "size": len(layer),
                "annotations": {TITLE: "manifests.tar.gz"},
            }
        ],
    }
    return Artefact(layer, json.dumps(document, sort_keys=True).encode())


def push_artefact(objects: bytes, place: Image | Layout, *, plain_http: bool, delete: bool) -> str:
    """Send rendered objects to a registry, or write them as an OCI image layout.

    Args:
        objects: YAML documents in UTF-8.
        place: where to.
        plain_http: speak to the registry without TLS.
        delete: replace a tag that names something else.

    Returns:
        What was done, with the digest.

    Raises:
        TransferError: the registry refuses, gives other bytes back than it was sent, or the tag is
            something else's and ``delete`` is not given; or the folder holds something else.
    """
    artefact = artefact_of(objects)
    if isinstance(place, Layout):
        _write_layout(place.folder, artefact)
        return f"{place.folder}: an OCI image layout\ndigest: {artefact.digest}"
    if not place.tag:
        raise TransferError(f"{place}: expected a tag to push to, found a digest. Name a tag.")
    registry = Registry(place, plain_http=plain_http)
    found = None if delete else registry.tagged()
    if found is not None and found.get("artifactType") != TYPE:
        raise TransferError(
            f"{place}: expected no such tag, or manifests that an earlier push wrote, found "
            "something else. Push to another tag, or have it replaced.",
            arguments=("delete",),
        )
    for digest, content in artefact.blobs().items():
        if not registry.has(digest, len(content)):
            registry.send(digest, len(content), partial(_from, content), lambda _: None)
            came_back(registry, place, NAME, digest, len(content))
    registry.tag(artefact.manifest)
    pinned = replace(place, tag="", digest=artefact.digest)
    return f"{place}: pushed and verified\ndigest: {artefact.digest}\n{pinned}"


def _write_layout(folder: Path, artefact: Artefact) -> None:
    """Writes a layout; one that an earlier push wrote is replaced."""
    blobs = {digest: [content] for digest, content in artefact.blobs().items()}
    if not _is_ours(folder):
        write_blobs(folder, blobs, artefact.manifest)
        return
    aside = folder.absolute().with_name(f".{folder.name}.{os.getpid()}.old")
    try:
        folder.replace(aside)
    except OSError as error:
        raise TransferError(f"{folder}: cannot be written to: {error.strerror}.") from error
    try:
        write_blobs(folder, blobs, artefact.manifest)
    except BaseException:
        aside.replace(folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    """Whether a folder is an image layout of manifests and of nothing else."""
    try:
        (entry,) = json.loads((folder / "index.json").read_bytes())["manifests"]
        named = folder / "blobs" / "sha256" / str(entry["digest"]).removeprefix("sha256:")
        found = json.loads(named.read_bytes())["artifactType"]
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return bool(found == TYPE)


def _from(content: bytes, offset: int) -> Iterator[bytes]:
    yield content[offset:]


def _gzip(content: bytes) -> bytes:
    """The content in gzip's frame (RFC 1952), stored, without a time or a name."""
    head = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    tail = struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)
    return head + b"".join(_blocks(content)) + tail


def _blocks(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), _STORED):
        block = content[start : start + _STORED]
        last = start + _STORED >= len(content)
        yield struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block
