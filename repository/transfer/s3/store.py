"""A prefix of an S3 bucket as a store."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Generator, Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from minio.error import S3Error
from urllib3.exceptions import HTTPError

from repository.manifest import File
from repository.manifest.schema import MANIFEST
from repository.transfer.address import Bucket
from repository.transfer.answer import stream
from repository.transfer.errors import TransferError
from repository.transfer.s3.client import connect, told
from repository.transfer.s3.parts import Uploads
from repository.transfer.store import Entry, Told, hash_of

PART = 16 << 20
"""Bytes of a part, which an interruption costs at most; S3 takes 5 MiB and more."""

_PARTS = 9_000
"""S3 takes at most 10,000 parts of an object."""

_KEY_BYTES = 1024
"""S3's limit on a key, in UTF-8."""

_OBJECTS = 200_000
"""Objects under a prefix; a repository has a few hundred files."""

_PROGRESS = 64 << 10
"""A broken download that brought so many bytes counts as one that worked."""

_RESUMED = 5
"""How often a download may break in a row without a byte of progress."""

_HASH = "sha256"
"""The metadata field (``x-amz-meta-sha256``) with a file's SHA-256 that a push writes."""

_IN_VERSION = re.compile(r"[^/]+/[0-9]+/.+")
"""Matches the path of a file in a model's version folder, but not in a repository below."""

_ADDRESS = "address"
"""The metadata field with the address, escaped as in URLs, to which the push was."""


class S3Store:
    """The objects under a prefix.

    Args:
        bucket: which.

    Raises:
        TransferError: see :func:`repository.transfer.s3.client.connect`.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._client, self._pool = connect()
        self._bucket = bucket
        self._uploads = Uploads(self._client, bucket.name)
        self._under = f"{bucket.prefix}/" if bucket.prefix else ""
        self._address = quote(str(bucket), safe="/:")

    @property
    def place(self) -> str:
        """``s3://bucket/prefix``."""
        return str(self._bucket)

    def entries(self) -> dict[str, Entry]:
        """Every object under the prefix, without the markers of folders (``name/``)."""
        found: dict[str, Entry] = {}
        with told(self.place), self._pool.question(self.place):
            for item in self._client.list_objects(self._bucket.name, self._under, recursive=True):
                key = item.object_name or ""
                if key.endswith("/"):
                    continue
                written = item.last_modified.timestamp() if item.last_modified else 0.0
                if not key.startswith(self._under):
                    raise TransferError(
                        f"{self.place}: expected a list of what is below it, found "
                        f"{key[:80]!a} in it. Look into the server's log, or what stands between."
                    )
                if len(found) >= _OBJECTS:
                    raise TransferError(
                        f"{self.place}: expected at most {_OBJECTS:,} objects, found more. Name a "
                        "prefix that holds one repository."
                    )
                name = key.removeprefix(self._under)
                found[name] = Entry(max(0, item.size or 0), (item.etag or "").strip('"'), written)
        return found

    def tag(self, name: str) -> str:
        """The ETag of an object."""
        with told(f"{self.place}, {name}"):
            return (self._stat(name).etag or "").strip('"')

    def recorded(self, name: str) -> str | None:
        """The SHA-256 in an object's metadata."""
        return self._metadata(name).get(f"x-amz-meta-{_HASH}")

    def wrote(self, name: str) -> bool:
        """Whether an object's metadata name this address."""
        return self._metadata(name).get(f"x-amz-meta-{_ADDRESS}") == self._address

    def writer(self, name: str) -> str:
        """The other address in an object's metadata, as it is written there."""
        found = self._metadata(name).get(f"x-amz-meta-{_ADDRESS}", "")
        return "" if found == self._address else found

    def around(self) -> str:
        """A prefix above this one that holds a manifest, where the key may look there."""
        parts = self._bucket.prefix.split("/") if self._bucket.prefix else []
        for count in range(len(parts)):
            above = Bucket(self._bucket.name, "/".join(parts[:count]))
            with told(self.place), contextlib.suppress(S3Error):
                self._client.stat_object(above.name, "/".join([*parts[:count], MANIFEST]))
                return str(above)
        return ""

    def begin(self, names: Collection[str]) -> None:
        """Nothing: each object's metadata say where it was pushed to."""

    def read(self, name: str, offset: int = 0) -> Generator[bytes]:
        """An object's bytes from an offset on, also over a connection that breaks."""
        failures = 0
        with told(f"{self.place}, {name}"):
            while True:
                before = offset
                try:
                    for chunk in self._stream(name, offset):
                        offset += len(chunk)
                        yield chunk
                    return
                except HTTPError:
                    failures = failures + 1 if offset - before < _PROGRESS else 0
                    if failures == _RESUMED:
                        raise

    def write(self, name: str, content: Path, file: File, told_bytes: Told) -> None:
        """Send a file: a large one in parts, without the parts that an earlier push sent."""
        key = self._key(name)
        if len(key.encode()) > _KEY_BYTES:
            raise TransferError(
                f"{self.place}, {name}: expected a key of at most {_KEY_BYTES} bytes, found "
                f"{len(key.encode())}. Push to a shorter prefix."
            )
        part = max(PART, -(-file.bytes // _PARTS))
        with told(f"{self.place}, {name}"), content.open("rb") as opened:
            if file.bytes > part:
                metadata = {
                    f"x-amz-meta-{_HASH}": file.sha256,
                    f"x-amz-meta-{_ADDRESS}": self._address,
                }
                self._uploads.send(key, content, part, metadata, told_bytes)
                return
            self._client.put_object(
                self._bucket.name,
                key,
                _Counted(opened, told_bytes),  # type: ignore[arg-type]
                file.bytes,
                metadata={_HASH: file.sha256, _ADDRESS: self._address},
            )

    def hash(self, name: str, size: int) -> str:
        """The SHA-256 of an object, fetched for this: no header of S3's says it for certain."""
        return hash_of(self, name, size)

    def finish(self, names: Collection[str]) -> None:
        """End the uploads that cut-off pushes of this repository, or another one here, began."""

        def own(key: str) -> bool:
            name = key.removeprefix(self._under)
            return name in names or _IN_VERSION.fullmatch(name) is not None

        with told(self.place):
            self._uploads.abort(self._under, own)

    def remove(self, name: str) -> None:
        """Remove an object."""
        with told(f"{self.place}, {name}"):
            self._client.remove_object(self._bucket.name, self._key(name))

    def _key(self, name: str) -> str:
        return f"{self._under}{name}"

    def _metadata(self, name: str) -> dict[str, str]:
        with told(f"{self.place}, {name}"):
            metadata = self._stat(name).metadata or {}
        return {key.lower(): value for key, value in metadata.items()}

    def _stat(self, name: str) -> Any:
        return self._client.stat_object(self._bucket.name, self._key(name))

    def _stream(self, name: str, offset: int) -> Iterator[bytes]:
        # 'identity' so that no proxy compresses what is counted and hashed.
        response = self._client.get_object(
            self._bucket.name,
            self._key(name),
            offset=offset,
            request_headers={"Accept-Encoding": "identity"},
        )
        yield from stream(response, f"{self.place}, {name}")


class _Counted:
    """A file that tells how much of it was read."""

    def __init__(self, file: IO[bytes], told_bytes: Told) -> None:
        self._file = file
        self._told = told_bytes

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self._told(len(content))
        return content
