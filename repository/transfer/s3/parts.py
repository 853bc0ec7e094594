"""Large objects in parts: an upload that was cut off goes on with the parts that are there.

The client has these calls under private names only. Its version is pinned, and tests make each
call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from minio import Minio
from minio.datatypes import Part
from minio.error import S3Error

from repository.transfer.store import Told

_REFUSALS = ("AccessDenied", "NotImplemented", "MethodNotAllowed")
"""What a server answers whose uploads may not, or cannot, be listed: none are known then."""


class Uploads:
    """The multipart uploads of a bucket that were begun and not ended.

    Args:
        client: of the server.
        bucket: its name.
    """

    def __init__(self, client: Minio, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def send(
        self, key: str, content: Path, size: int, metadata: dict[str, str], told_bytes: Told
    ) -> None:
        """Send a file in parts, without those that an upload of the same bytes left there.

        A part is the same if its ETag is its MD5; on a bucket whose ETags are not MD5s (SSE-KMS),
        the upload starts anew. What was cut off stays there for the next push.

        Args:
            key: the object's.
            content: the file.
            size: bytes of each part but the last.
            metadata: headers of the object, as ``x-amz-meta-…``.
            told_bytes: is told of bytes that are through.

        Raises:
            MinioException, HTTPError: as the client.
        """
        upload, there = self._begun(key, content, size)
        if not upload:
            upload = self._client._create_multipart_upload(self._bucket, key, dict(metadata))
        parts = []
        for number, body in enumerate(_parts(content, size), 1):
            etag = there.get(number)
            if etag is None:
                etag = self._client._upload_part(self._bucket, key, body, None, upload, number)
            parts.append(Part(number, etag))
            told_bytes(len(body))
        self._client._complete_multipart_upload(self._bucket, key, upload, parts)

    def abort(self, prefix: str, own: Callable[[str], bool]) -> None:
        """End unfinished uploads below a prefix: they cost money, and no list shows them.

        Args:
            prefix: with which the keys begin.
            own: whether a key is one of those; others may be another push's.

        Raises:
            MinioException, HTTPError: as the client, unless it may not be done.
        """
        for key, upload in list(self._pending(prefix)):
            if not own(key):
                continue
            try:
                self._client._abort_multipart_upload(self._bucket, key, upload)
            except S3Error as error:
                if error.code not in (*_REFUSALS, "NoSuchUpload"):
                    raise

    def _begun(self, key: str, content: Path, size: int) -> tuple[str, dict[int, str]]:
        """An upload of this key whose parts are all the file's, and their ETags by number."""
        for found, upload in self._pending(key):
            if found != key:
                continue
            there = {part.part_number: part.etag for part in self._listed(key, upload)}
            # The metadata is that of the file with which the upload began, so all has to fit.
            same = {
                number: there[number]
                for number, body in enumerate(_parts(content, size), 1)
                if there.get(number) == hashlib.md5(body, usedforsecurity=False).hexdigest()
            }
            if same and same == there:
                return upload, there
        return "", {}

    def _pending(self, prefix: str) -> Iterator[tuple[str, str]]:
        marker: str | None = None
        while True:
            try:
                page = self._client._list_multipart_uploads(
                    self._bucket, prefix=prefix, key_marker=marker
                )
            except S3Error as error:
                if error.code in _REFUSALS:
                    return
                raise
            for each in page.uploads:
                yield each.object_name, each.upload_id or ""
            marker = page.next_key_marker
            if not page.is_truncated or not marker:
                return

    def _listed(self, key: str, upload: str) -> Iterator[Part]:
        marker: str | None = None
        while True:
            page = self._client._list_parts(self._bucket, key, upload, part_number_marker=marker)
            yield from page.parts
            marker = page.next_part_number_marker
            if not page.is_truncated or not marker:
                return


def _parts(content: Path, size: int) -> Iterator[bytes]:
    with content.open("rb") as file:
        while body := file.read(size):
            yield body
