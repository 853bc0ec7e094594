"""The address that a repository goes to or comes from: ``s3://``, ``pvc:`` or ``oci:``.

KServe's own spellings (``pvc://claim/path``, ``oci://image``, ``oci+native://image``) are read too,
so that a ``storageUri`` can be pasted. Each address gives the ``storageUri`` of its content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from repository.transfer.errors import TransferError

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
# distribution/reference, reference.go: path components, tags and digests of an image's name.
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    r"(?P<registry>(?:localhost|[A-Za-z0-9-]+(?=[.:])|\[[0-9a-f:]+\])(?:\.[A-Za-z0-9-]+)*(?::\d+)?)/"
    rf"(?P<repository>{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
FORMS = "s3://bucket/prefix, pvc:claim/path, pvc:/mounted/folder or oci:registry/name:tag"


@dataclass(frozen=True)
class Bucket:
    """A prefix of a bucket; ``prefix`` neither begins nor ends with a slash, and may be empty."""

    name: str
    prefix: str

    def __str__(self) -> str:
        return f"s3://{self.name}/{self.prefix}".rstrip("/")

    @property
    def storage_uri(self) -> str:
        """With a slash at its end: without, KServe also fetches siblings as ``prefix-old/``.

        kserve python/storage/kserve_storage/kserve_storage.py lists ``Prefix=bucket_path`` as is.
        """
        return f"{self}/"


@dataclass(frozen=True)
class Claim:
    """A folder of a PersistentVolumeClaim; ``path`` has no slash at either end."""

    name: str
    path: str

    def __str__(self) -> str:
        return f"pvc://{self.name}/{self.path}".rstrip("/")

    @property
    def storage_uri(self) -> str:
        """``pvc://claim/path``, for ``model.storageUri`` (``storageUris`` loses the path)."""
        return str(self)


@dataclass(frozen=True)
class Mounted:
    """A folder of this machine, as a volume that is mounted here."""

    folder: Path

    def __str__(self) -> str:
        return f"pvc:{self.folder}"


@dataclass(frozen=True)
class Image:
    """An OCI image: a registry's ``host[:port]``, a repository, and a tag, a digest or both."""

    registry: str
    repository: str
    tag: str
    digest: str = ""

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"oci://{self.registry}/{self.repository}{tag}{digest}"

    @property
    def reference(self) -> str:
        """What the registry is asked for: the digest if there is one, else the tag."""
        return self.digest or self.tag


@dataclass(frozen=True)
class Layout:
    """A folder with an OCI image layout."""

    folder: Path

    def __str__(self) -> str:
        return f"oci:{self.folder}"


Address = Bucket | Claim | Mounted | Image | Layout


def parse(text: str) -> Address:
    """Parses an address as the command line takes it.

    Raises:
        TransferError: it has no known form.
    """
    scheme, colon, rest = text.partition(":")
    if not colon or not text.isprintable():
        if text.startswith("/") and text.isprintable():
            raise _wrong(text, f"a folder; did you mean pvc:{text}")
        raise _wrong(text, "none of these forms")
    if scheme == "s3":
        return _bucket(text, rest)
    if scheme == "pvc":
        return _claim(text, rest)
    if scheme in ("oci", "oci+native"):
        return _image(text, rest)
    raise _wrong(text, f"'{scheme[:20]}:'")


def _bucket(text: str, rest: str) -> Bucket:
    name, _, prefix = rest.removeprefix("//").partition("/")
    if not rest.startswith("//") or not _BUCKET.fullmatch(name):
        raise _wrong(text, "no name of a bucket after 's3://'")
    return Bucket(name, _path(text, prefix))


def _claim(text: str, rest: str) -> Claim | Mounted:
    if rest.startswith(("/", ".")) and not rest.startswith("//"):
        return Mounted(Path(rest))
    name, _, path = rest.removeprefix("//").partition("/")
    if not _LABEL.fullmatch(name):
        raise _wrong(text, "no name of a claim, and no absolute folder, after 'pvc:'")
    return Claim(name, _path(text, path))


def _image(text: str, rest: str) -> Image | Layout:
    if rest.startswith(("/", ".")) and not rest.startswith("//"):
        return Layout(Path(rest))
    found = _IMAGE.fullmatch(rest.removeprefix("//"))
    if found is None:
        raise _wrong(text, "no image as registry/name:tag after 'oci:'")
    tag = found["tag"] or ("" if found["digest"] else "latest")
    return Image(found["registry"], found["repository"], tag, found["digest"] or "")


def _path(text: str, path: str) -> str:
    plain = path.strip("/")
    if plain and {"", ".", ".."} & set(plain.split("/")):
        raise _wrong(text, "an empty, '.' or '..' part in its path")
    return plain


def _wrong(text: str, found: str) -> TransferError:
    shown = text if text.isprintable() else ascii(text)
    return TransferError(f"'{shown}': expected {FORMS}, found {found}.")
