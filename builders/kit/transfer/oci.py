"""A repository as an OCI image: pushed to a registry or written as a layout, and pulled."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from builders.kit.manifest import MAXIMUM_BYTES, SIGNATURE, UNDER_WAY, Manifest
from builders.kit.manifest_schema import MANIFEST
from builders.kit.transfer.address import Image, Layout, parse
from builders.kit.transfer.arrival import Arrival, Judge
from builders.kit.transfer.contents import CHUNK, Contents
from builders.kit.transfer.errors import TransferError
from builders.kit.transfer.meter import Meter
from builders.kit.transfer.oci_layer import ROOT, Layer, layers_of
from builders.kit.transfer.ownership import check_apart, repository_around
from builders.kit.transfer.pull import Pulled
from builders.kit.transfer.registry import MANIFEST_TYPE, Registry

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
TITLE = "org.opencontainers.image.title"
_OCI = {
    "application/vnd.docker.image.rootfs.diff.tar.gzip": (
        "application/vnd.oci.image.layer.v1.tar+gzip"
    )
}
"""Docker's name of a layer's format -> OCI's; an image holds those of one family."""


def image_of(
    layers: list[Layer], base: tuple[dict[str, Any], dict[str, Any]] | None
) -> tuple[bytes, bytes]:
    """An image's configuration and manifest, the same bytes for the same layers.

    Args:
        layers: ours, in order.
        base: manifest and configuration of the image whose layers come first.
    """
    manifest, config = base or ({"layers": []}, {})
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
        "config": {"mediaType": CONFIG_TYPE, "digest": _digest(text), "size": len(text)},
        "layers": [
            *(
                {**each, "mediaType": _OCI.get(each["mediaType"], each["mediaType"])}
                for each in manifest["layers"]
            ),
            *(each.descriptor() for each in layers),
        ],
    }
    return text, json.dumps(document, sort_keys=True).encode()


def push_image(
    contents: Contents, image: Image, *, base: str | None, plain_http: bool, quiet: bool
) -> str:
    """Send a repository to a registry; layers that are there already are not sent again.

    Returns:
        What was done.

    Raises:
        TransferError: the registry refuses or gives other bytes back than it was sent.
    """
    if not image.tag:
        raise TransferError(f"{image}: expected a tag to push to, found a digest. Name a tag.")
    registry = Registry(image, plain_http=plain_http)
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
            _came_back(registry, image, layer.title, layer.digest)
            sent += 1
    digest = _digest(config)
    if not registry.has(digest, len(config)):
        registry.send(digest, len(config), lambda offset: iter([config[offset:]]), lambda _: None)
        _came_back(registry, image, "its configuration", digest)
    registry.tag(manifest)
    pinned = replace(image, digest=_digest(manifest))
    native = "" if base else "+native"
    note = "" if base else " (KServe's modelcar mode needs an image with a shell: --base)"
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
    check_apart(str(folder), (), repository_around(folder))
    layers = layers_of(contents)
    config, manifest = image_of(layers, None)
    blobs = folder / "blobs" / "sha256"
    try:
        if folder.exists() and any(folder.iterdir()):
            raise TransferError(f"{folder}: expected an empty folder, found files. Give another.")
        blobs.mkdir(parents=True)
        for layer in layers:
            with (blobs / layer.digest.removeprefix("sha256:")).open("wb") as out:
                out.writelines(layer.read())
        for text in (config, manifest):
            (blobs / _digest(text).removeprefix("sha256:")).write_bytes(text)
        entry = {"mediaType": MANIFEST_TYPE, "digest": _digest(manifest), "size": len(manifest)}
        index = {"schemaVersion": 2, "manifests": [entry]}
        (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        (folder / "index.json").write_text(json.dumps(index, sort_keys=True))
    except OSError as error:
        raise TransferError(f"{folder}: cannot be written to: {error.strerror}.") from error
    return f"{folder}: an OCI image layout of {len(layers)} layers\ndigest: {_digest(manifest)}"


def pull_image(
    image: Image,
    folder: Path,
    *,
    plain_http: bool,
    delete: bool,
    quiet: bool,
    judge: Judge | None = None,
) -> Pulled:
    """Fetch an image that a push wrote, and unpack the repository in it.

    Raises:
        TransferError: there is no such image, it is not of a push, or a layer or file was changed.
    """
    registry = Registry(image, plain_http=plain_http)
    found = registry.manifest()
    if found is None:
        raise TransferError(f"{image}: expected an image, found none. Push it, or check its name.")
    titles = {each.get("annotations", {}).get(TITLE, ""): each for each in found[0]["layers"]}
    if ROOT not in titles:
        raise TransferError(f"{image}: expected an image that a push wrote, found another.")
    kept: list[str] = []
    with Arrival(folder, delete=delete) as arrival:
        inbox = folder / UNDER_WAY
        root = _layer_of(registry, titles[ROOT], inbox, image)
        with tarfile.open(root) as tar:
            members = {each.name: each for each in tar.getmembers() if each.isreg()}
            texts = {
                name: _content(tar, members[f"{ROOT}/{name}"], image)
                for name in (MANIFEST, SIGNATURE)
                if f"{ROOT}/{name}" in members
            }
        if MANIFEST not in texts:
            raise TransferError(f"{image}: expected its {MANIFEST}, found none. Push it again.")
        manifest = arrival.expect(texts[MANIFEST], str(image))
        total = sum(file.bytes for file in manifest.files.values())
        with Meter(f"pull from {image}", total, quiet=quiet) as meter:
            for model in sorted(manifest.models):
                kept += _unpack(registry, titles, model, manifest, arrival, meter, image)
        fetched = tuple(arrival.written)
        arrival.finish(texts.get(SIGNATURE), judge)
    return Pulled(fetched, tuple(kept))


def _unpack(
    registry: Registry,
    titles: dict[str, Any],
    model: str,
    manifest: Manifest,
    arrival: Arrival,
    meter: Meter,
    image: Image,
) -> list[str]:
    """Put one model's files in their places; those that were there and right."""
    files = {n: f for n, f in manifest.files.items() if n.startswith(f"{model}/")}
    meter.add(sum(file.bytes for file in files.values()))
    kept = [name for name, file in files.items() if arrival.has(name, file)]
    if len(kept) == len(files):
        return kept
    if f"{ROOT}/{model}" not in titles:
        raise TransferError(f"{image}, {model}: expected a layer, found none. Push it again.")
    path = _layer_of(registry, titles[f"{ROOT}/{model}"], arrival.folder / UNDER_WAY, image)
    with tarfile.open(path) as tar:
        # Only what the manifest names is taken, by its hash: links and other names stay inside.
        members = {each.name: each for each in tar.getmembers() if each.isreg()}
        for name, file in files.items():
            member = members.get(f"{ROOT}/{name}")
            if member is None:
                raise TransferError(f"{image}, {name}: not in its layer. Push it again.")
            if name not in kept:
                arrival.take(name, file, _reader(tar, member), str(image))
    path.unlink()
    return kept


def _reader(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Any:
    def read(offset: int) -> Iterator[bytes]:
        file = tar.extractfile(member)
        assert file is not None
        file.seek(offset)
        while chunk := file.read(CHUNK):
            yield chunk

    return read


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo, image: Image) -> bytes:
    if member.size > MAXIMUM_BYTES:
        raise TransferError(f"{image}, {member.name}: too large. Push it again.")
    return b"".join(_reader(tar, member)(0))


def _layer_of(registry: Registry, descriptor: dict[str, Any], inbox: Path, image: Image) -> Path:
    """A layer on disk, verified; what an earlier pull has of it is not fetched again."""
    digest = str(descriptor["digest"])
    path = inbox / digest.replace(":", "-").replace("/", "-")
    found = ""
    for _ in range(2):
        summed = hashlib.sha256()
        with path.open("a+b") as out:
            out.seek(0)
            while chunk := out.read(CHUNK):
                summed.update(chunk)
            if out.tell() < descriptor["size"]:
                for chunk in registry.read(digest, out.tell()):
                    out.write(chunk)
                    summed.update(chunk)
        found = f"sha256:{summed.hexdigest()}"
        if found == digest:
            return path
        path.unlink()
    raise TransferError(
        f"{image}, layer {digest[:23]}…: found {found[:23]}…, twice: it was changed where it lies "
        "or on its way. Push it again."
    )


def _came_back(registry: Registry, image: Image, title: str, digest: str) -> None:
    summed = hashlib.sha256()
    for chunk in registry.read(digest):
        summed.update(chunk)
    if f"sha256:{summed.hexdigest()}" != digest:
        raise TransferError(
            f"{image}, {title}: expected {digest[:23]}… when it was read back, found "
            f"{summed.hexdigest()[:16]}…. Look for what changes it on its way; then push again."
        )


def _base(
    text: str, target: Registry, *, plain_http: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The base's manifest and configuration, once its layers are in the target."""
    image = parse(text if text.startswith("oci:") else f"oci:{text}")
    if isinstance(image, Layout) or not isinstance(image, Image):
        raise TransferError(f"--base {text}: expected an image as registry/name:tag.")
    source = Registry(image, plain_http=plain_http)
    found = source.manifest()
    if found is None:
        raise TransferError(f"--base {image}: there is no such image. Check its name.")
    for layer in found[0]["layers"]:
        digest, size = str(layer["digest"]), int(layer["size"])
        if not target.has(digest, size):
            target.send(digest, size, lambda at, d=digest: source.read(d, at), lambda _: None)  # type: ignore[misc]
            _came_back(target, image, "the base's layer", digest)
    config = b"".join(source.read(str(found[0]["config"]["digest"])))
    return found[0], json.loads(config)


def _digest(text: bytes) -> str:
    return f"sha256:{hashlib.sha256(text).hexdigest()}"
