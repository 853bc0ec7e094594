"""Pulls an image that a push wrote, and unpacks the repository in it.

Nothing that the registry says is trusted. A layer is fetched up to the size that its image names,
which has to be the size of the files in it. From a layer only the files that the repository's
manifest names are taken, by their hash. Links and other names stay inside.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from repository.manifest import MAXIMUM_BYTES, SIGNATURE, File, Manifest
from repository.manifest.schema import MANIFEST
from repository.transfer.address import Image
from repository.transfer.arrival import Arrival, Judge
from repository.transfer.errors import TransferError
from repository.transfer.meter import Meter
from repository.transfer.oci.document import Blob, layers_of, titled
from repository.transfer.oci.layer import ROOT
from repository.transfer.oci.registry import Registry
from repository.transfer.oci.tar import Member, content, members
from repository.transfer.partial import fill
from repository.transfer.pull import Pulled

_ATTEMPTS = 2
_AROUND = 1 << 20
"""Bytes that a layer may have beside its files: folders, and its end."""

_ENTRY = 16 << 10
"""Bytes that a file may take in a layer beside its content: headers, and what fills its block."""


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

    Args:
        image: which.
        folder: where to.
        plain_http: speak to the registry without TLS.
        delete: remove files in the folder that no pull wrote.
        quiet: show no progress.
        judge: has to agree before anything in the folder changes.

    Raises:
        TransferError: there is no such image, no push wrote it, or a layer or file was changed.
    """
    registry = Registry(image, plain_http=plain_http)
    found = registry.manifest()
    if found is None:
        raise TransferError(f"{image}: expected an image, found none. Push it, or check its name.")
    layers = titled(layers_of(found[0], str(image)))
    if ROOT not in layers:
        raise TransferError(f"{image}: expected an image that a push wrote, found another.")
    kept: list[str] = []
    with Arrival(folder, delete=delete) as arrival:
        texts = _texts(registry, layers[ROOT], arrival, image)
        if MANIFEST not in texts:
            raise TransferError(f"{image}: expected its {MANIFEST}, found none. Push it again.")
        going_on = {_partial(each) for each in layers.values()}
        manifest = arrival.expect(texts[MANIFEST], str(image), going_on)
        total = sum(file.bytes for file in manifest.files.values())
        with Meter(f"pull from {image}", total, quiet=quiet) as meter:
            unpacking = _Unpacking(registry, layers, manifest, arrival, meter, image)
            for model in sorted(manifest.models):
                kept += unpacking.model(model)
        fetched = tuple(arrival.written)
        arrival.finish(texts.get(SIGNATURE), judge)
    return Pulled(fetched, tuple(kept))


@dataclass(frozen=True)
class _Unpacking:
    registry: Registry
    layers: Mapping[str, Blob]
    manifest: Manifest
    arrival: Arrival
    meter: Meter
    image: Image

    def model(self, model: str) -> list[str]:
        """Gather one model's files; those that were there and right."""
        inside = f"{model}/"
        files = {n: f for n, f in self.manifest.files.items() if n.startswith(inside)}
        self.meter.add(sum(file.bytes for file in files.values()))
        kept = [name for name, file in files.items() if self.arrival.has(name, file)]
        if len(kept) == len(files):
            return kept
        layer = self.layers.get(f"{ROOT}/{model}")
        if layer is None:
            raise TransferError(
                f"{self.image}, {model}: expected a layer, found none. Push it again."
            )
        _check_size(layer, files.values(), f"{self.image}, {model}")
        path = _fetched(self.registry, layer, self.arrival, self.image)
        there = members(path, {f"{ROOT}/{name}" for name in files}, f"{self.image}, {model}")
        for name, file in files.items():
            member = there.get(f"{ROOT}/{name}")
            if member is None:
                raise TransferError(f"{self.image}, {name}: not in its layer. Push it again.")
            if name not in kept:
                self.arrival.take(name, file, _Reader(path, member), str(self.image))
        path.unlink()
        return kept


@dataclass(frozen=True)
class _Reader:
    path: Path
    member: Member

    def __call__(self, offset: int) -> Iterator[bytes]:
        return content(self.path, self.member, offset)


def _texts(registry: Registry, layer: Blob, arrival: Arrival, image: Image) -> dict[str, bytes]:
    """The repository's manifest, and its signature if there is one."""
    if layer.size > 2 * MAXIMUM_BYTES + _AROUND:
        raise TransferError(
            f"{image}: expected a layer of at most {2 * MAXIMUM_BYTES + _AROUND:,} bytes for the "
            f"{MANIFEST}, found {layer.size:,}. Push it again."
        )
    path = _fetched(registry, layer, arrival, image)
    names = {f"{ROOT}/{name}": name for name in (MANIFEST, SIGNATURE)}
    found = {}
    for name, member in members(path, names, f"{image}, its {MANIFEST}'s layer").items():
        if member.size > MAXIMUM_BYTES:
            raise TransferError(f"{image}, {name}: too large. Push it again.")
        found[names[name]] = b"".join(content(path, member))
    return found


def _check_size(layer: Blob, files: Collection[File], place: str) -> None:
    """Refuse a layer that is larger than the files for which it is there."""
    sizes = [file.bytes for file in files]
    most = sum(sizes) + _ENTRY * len(sizes) + _AROUND
    if layer.size > most:
        raise TransferError(
            f"{place}: expected a layer of at most {most:,} bytes for its files, found "
            f"{layer.size:,}. Push it again."
        )


def _fetched(registry: Registry, layer: Blob, arrival: Arrival, image: Image) -> Path:
    """A layer on disk, verified; what an earlier pull has of it is not fetched again."""
    path = arrival.inbox / _partial(layer)
    found = ""
    for _ in range(_ATTEMPTS):
        with arrival.told(f"layer {layer.digest[:23]}…"):
            found = f"sha256:{fill(path, layer.size, lambda at: registry.read(layer.digest, at))}"
            if found == layer.digest and path.stat().st_size == layer.size:
                return path
            path.unlink()
    raise TransferError(
        f"{image}, layer {layer.digest[:23]}…: found {found[:23]}…, twice: it was changed where it "
        "lies or on its way. Push it again."
    )


def _partial(layer: Blob) -> str:
    return layer.digest.replace(":", "-")
