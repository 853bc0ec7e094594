"""A repository as an OCI image: pushed to a registry, or written as a layout."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from repository.transfer.address import Image, Layout, parse
from repository.transfer.contents import Contents
from repository.transfer.errors import TransferError
from repository.transfer.meter import Meter
from repository.transfer.oci.document import Blob, base_config, config_of, titled
from repository.transfer.oci.document import layers_of as layers_in
from repository.transfer.oci.layer import ROOT, Layer, layers_of
from repository.transfer.oci.registry import MANIFEST_TYPE, Registry
from repository.transfer.ownership import check_apart, repository_around

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_OCI = {
    "application/vnd.docker.image.rootfs.diff.tar.gzip": (
        "application/vnd.oci.image.layer.v1.tar+gzip"
    )
}
"""Docker's name of a layer's format -> OCI's. An image uses the names of one of them."""


@dataclass(frozen=True)
class Base:
    """The image whose layers come first.

    Attributes:
        layers: its layers' descriptors, lowest first.
        config: its configuration; the fields that are read are of the right types.
    """

    layers: tuple[Mapping[str, Any], ...]
    config: Mapping[str, Any]


def image_of(layers: list[Layer], base: Base | None) -> tuple[bytes, bytes]:
    """An image's configuration and manifest, the same bytes for the same layers.

    Args:
        layers: ours, in order.
        base: the image whose layers come first.
    """
    config = base.config if base else {}
    below = config.get("rootfs", {}).get("diff_ids", [])
    made = {
        "architecture": config.get("architecture", "amd64"),
        "os": config.get("os", "linux"),
        "config": config.get("config", {}),
        "rootfs": {"type": "layers", "diff_ids": [*below, *(each.digest for each in layers)]},
    }
    text = json.dumps(made, sort_keys=True).encode()
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": CONFIG_TYPE, "digest": digest_of(text), "size": len(text)},
        "layers": [
            *(
                {**each, "mediaType": _OCI.get(each.get("mediaType", ""), each.get("mediaType"))}
                for each in (base.layers if base else ())
            ),
            *(each.descriptor() for each in layers),
        ],
    }
    return text, json.dumps(document, sort_keys=True).encode()


def push_image(
    contents: Contents,
    image: Image,
    *,
    base: str | None,
    plain_http: bool,
    quiet: bool,
    delete: bool = False,
) -> str:
    """Send a repository to a registry; layers that are there already are not sent again.

    Returns:
        What was done.

    Raises:
        TransferError: the registry refuses or gives other bytes back than it was sent, or the tag
            is another image's and ``delete`` is not given.
    """
    if not image.tag:
        raise TransferError(f"{image}: expected a tag to push to, found a digest. Name a tag.")
    registry = Registry(image, plain_http=plain_http)
    if not delete:
        _check_tag(registry, image)
    layers = layers_of(contents)
    below = _base(base, registry, plain_http=plain_http) if base else None
    config, manifest = image_of(layers, below)
    sent = 0
    with Meter(f"push to {image}", sum(each.size for each in layers), quiet=quiet) as meter:
        for layer in layers:
            if registry.has(layer.digest, layer.size):
                meter.add(layer.size)
                continue
            registry.send(layer.digest, layer.size, layer.read, meter.add)
            came_back(registry, image, layer.title, layer.digest, layer.size)
            sent += 1
    digest = digest_of(config)
    if not registry.has(digest, len(config)):
        registry.send(digest, len(config), lambda offset: iter([config[offset:]]), lambda _: None)
        came_back(registry, image, "its configuration", digest, len(config))
    registry.tag(manifest)
    pinned = replace(image, digest=digest_of(manifest))
    native = "" if base else "+native"
    note = "" if base else " (KServe's modelcar mode needs a base image with a shell)"
    return (
        f"{image}: {sent} layers sent, {len(layers) - sent} there already, all verified\n"
        f"digest: {pinned.digest}\nstorageUri: oci{native}{str(pinned).removeprefix('oci')}{note}"
    )


def write_layout(contents: Contents, folder: Path) -> str:
    """Write a repository as an OCI image layout (image-spec, image-layout.md).

    Returns:
        What was done.

    Raises:
        TransferError: the folder holds something, lies within a repository, or cannot be written
            to.
    """
    layers = layers_of(contents)
    config, manifest = image_of(layers, None)
    blobs = {each.digest: each.read() for each in layers}
    write_blobs(folder, {**blobs, digest_of(config): [config]}, manifest)
    return f"{folder}: an OCI image layout of {len(layers)} layers\ndigest: {digest_of(manifest)}"


def write_blobs(folder: Path, blobs: Mapping[str, Iterable[bytes]], manifest: bytes) -> None:
    """Write an OCI image layout of a manifest and the blobs that it names, whole or not at all.

    Raises:
        TransferError: the folder holds something, lies within a repository, or cannot be written
            to.
    """
    check_apart(str(folder), (), repository_around(folder))
    beside = folder.absolute().parent / f".{folder.name}.{os.getpid()}"
    try:
        if folder.exists() and any(folder.iterdir()):
            raise TransferError(f"{folder}: expected an empty folder, found files. Give another.")
        place = beside / "blobs" / "sha256"
        place.mkdir(parents=True)
        digest = digest_of(manifest)
        for name, chunks in {**blobs, digest: [manifest]}.items():
            with (place / name.removeprefix("sha256:")).open("wb") as out:
                out.writelines(chunks)
        entry = {"mediaType": MANIFEST_TYPE, "digest": digest, "size": len(manifest)}
        index = {"schemaVersion": 2, "manifests": [entry]}
        (beside / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        (beside / "index.json").write_text(json.dumps(index, sort_keys=True))
        # Whole, or not at all: an empty folder is replaced in the same step.
        beside.replace(folder)
    except OSError as error:
        raise TransferError(f"{folder}: cannot be written to: {error.strerror}.") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def came_back(registry: Registry, image: Image, title: str, digest: str, size: int) -> None:
    """Read a blob back that was sent.

    Raises:
        TransferError: it is another one.
    """
    summed, done = hashlib.sha256(), 0
    for chunk in registry.read(digest):
        summed.update(chunk)
        done += len(chunk)
        if done > size:
            break
    if f"sha256:{summed.hexdigest()}" != digest:
        raise TransferError(
            f"{image}, {title}: expected {digest[:23]}… when it was read back, found "
            f"{summed.hexdigest()[:16]}…. Look for what changes it on its way; then push again."
        )


def _check_tag(registry: Registry, image: Image) -> None:
    """Refuse a tag that names an image which no push wrote: nothing would name that one then."""
    found = registry.tagged()
    if found is None:
        return
    place = str(image)
    if "layers" in found and ROOT in titled(layers_in(found, place)):
        return
    raise TransferError(
        f"{image}: expected no such tag, or an image that an earlier push wrote, found another "
        "image. Push to another tag, or have it replaced.",
        arguments=("delete",),
    )


def _base(text: str, target: Registry, *, plain_http: bool) -> Base:
    """The base's layers and configuration, once its layers are in the target."""
    image = parse(text if text.startswith("oci:") else f"oci:{text}")
    if isinstance(image, Layout) or not isinstance(image, Image):
        raise TransferError(
            f"the base image {text}: expected one as registry/name:tag.", arguments=("base",)
        )
    source = Registry(image, plain_http=plain_http)
    found = source.manifest()
    place = f"the base image {image}"
    if found is None:
        raise TransferError(f"{place}: there is no such image. Check its name.")
    layers = layers_in(found[0], place)
    for layer in layers:
        digest, size = layer.digest, layer.size
        if not target.has(digest, size):
            target.send(digest, size, partial(_exactly, source, layer), lambda _: None)
            came_back(target, image, "the base's layer", digest, size)
    config = base_config(source.small(config_of(found[0], place)), place)
    descriptors = tuple(each for each in found[0]["layers"])
    return Base(descriptors, config)


def _exactly(source: Registry, blob: Blob, offset: int) -> Iterator[bytes]:
    """A blob's bytes, as many as it has: a request's body has to be as long as its header says."""
    left = blob.size - offset
    for chunk in source.read(blob.digest, offset):
        if len(chunk) > left:
            break
        left -= len(chunk)
        yield chunk
    if left:
        raise TransferError(
            f"{blob.digest[:23]}…: expected {blob.size:,} bytes of the base's layer, found another "
            "number. Look into that registry's log."
        )


def digest_of(text: bytes) -> str:
    """The digest by which a registry names these bytes."""
    return f"sha256:{hashlib.sha256(text).hexdigest()}"
