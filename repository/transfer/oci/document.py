"""What a registry says of an image, as values that can be relied on; nothing in it is trusted.

Source: OCI image-spec 1.1, manifest.md, image-index.md and descriptor.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from repository.files.bounded_file import Unreadable
from repository.files.json_file import parse_object
from repository.transfer.errors import TransferError, plain

TITLE = "org.opencontainers.image.title"
PLATFORM = ("linux", "amd64")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LAYERS = 10_000
"""More than an image of a layer a model ever has; overlayfs takes far fewer."""


@dataclass(frozen=True)
class Blob:
    """A blob that an image names.

    Attributes:
        digest: ``sha256:…``.
        size: its bytes.
        media_type: what it is said to be; empty if nothing is said.
        title: what a push says that it holds; empty if nothing is said.
    """

    digest: str
    size: int
    media_type: str
    title: str


def document_of(content: bytes, place: str) -> Mapping[str, Any]:
    """A manifest or an index as a JSON object.

    Raises:
        TransferError: it is something else.
    """
    try:
        return parse_object(content, place)
    except Unreadable as error:
        _refuse(place, f"{error.expected} that describes an image", plain(error.found, 120))


def platform_of(document: Mapping[str, Any], place: str) -> str | None:
    """The digest of the image for Linux on x86-64 in an index; None if it is not an index.

    Raises:
        TransferError: a part of the index is not what it has to be, or there is no such image.
    """
    entries = document.get("manifests")
    if entries is None:
        return None
    if not isinstance(entries, list):
        _refuse(f"{place}, manifests", "a list", _kind(entries))
    for each in entries:
        if not isinstance(each, dict):
            _refuse(f"{place}, manifests", "objects", _kind(each))
        platform = each.get("platform")
        if not isinstance(platform, dict):
            continue
        if (platform.get("os"), platform.get("architecture")) == PLATFORM:
            return _digest(each.get("digest"), f"{place}, manifests")
    if "layers" not in document:
        _refuse(place, "an image", f"another: a list without one for {'/'.join(PLATFORM)}")
    return None


def layers_of(document: Mapping[str, Any], place: str) -> list[Blob]:
    """The layers of an image, lowest first.

    Raises:
        TransferError: it is not an image, or a part of it is malformed.
    """
    layers = document.get("layers")
    if not isinstance(layers, list):
        _refuse(place, "an image", "another, without a list of layers")
    if len(layers) > _LAYERS:
        _refuse(place, f"at most {_LAYERS:,} layers", f"{len(layers):,}")
    return [_blob(each, f"{place}, layer {number}") for number, each in enumerate(layers, 1)]


def config_of(document: Mapping[str, Any], place: str) -> Blob:
    """The configuration of an image.

    Raises:
        TransferError: as :func:`layers_of`.
    """
    return _blob(document.get("config"), f"{place}, config")


def titled(layers: list[Blob]) -> dict[str, Blob]:
    """Layers by the model that a push says they hold. If two say the same, the upper one counts.

    A base may be an image that a push wrote.
    """
    return {layer.title: layer for layer in layers if layer.title}


def base_config(content: bytes, place: str) -> Mapping[str, Any]:
    """A base's configuration (image-spec, config.md), with what an image takes over from it.

    Raises:
        TransferError: it is not a configuration, or a part of it is malformed.
    """
    document = document_of(content, f"{place}, config")
    for name, kind in (("architecture", str), ("os", str), ("config", dict), ("rootfs", dict)):
        if name in document and not isinstance(document[name], kind):
            where = f"{place}, config, {name}"
            _refuse(where, "a string" if kind is str else "an object", _kind(document[name]))
    below = document.get("rootfs", {}).get("diff_ids", [])
    if not isinstance(below, list) or not all(
        isinstance(each, str) and _DIGEST.fullmatch(each) for each in below
    ):
        _refuse(f"{place}, config, rootfs, diff_ids", "a list of digests", "something else")
    return document


def _blob(value: object, place: str) -> Blob:
    if not isinstance(value, dict):
        _refuse(place, "an object", _kind(value))
    size = value.get("size")
    if type(size) is not int or size < 0:
        _refuse(f"{place}, size", "a number of bytes", _kind(size))
    annotations = value.get("annotations")
    if annotations is None:
        annotations = {}
    if not isinstance(annotations, dict):
        _refuse(f"{place}, annotations", "an object", _kind(annotations))
    media_type, title = value.get("mediaType", ""), annotations.get(TITLE, "")
    for name, text in (("mediaType", media_type), (TITLE, title)):
        if not isinstance(text, str):
            _refuse(f"{place}, {name}", "a string", _kind(text))
    return Blob(_digest(value.get("digest"), place), size, media_type, title)


def _digest(value: object, place: str) -> str:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        _refuse(f"{place}, digest", "sha256: and 64 hexadecimal digits", _kind(value))
    return value


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    return plain(repr(value), 60) if isinstance(value, str | int | float) else "something else"


def _refuse(place: str, expected: str, found: str) -> NoReturn:
    raise TransferError(
        f"{place}: expected {expected}, found {found}. Push it again, or look into the "
        "registry's log."
    )
