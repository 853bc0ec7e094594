"""A registry over its HTTP API (OCI distribution-spec 1.1): blobs and manifests of one repository.

The protocol is small, and the libraries at hand are not: docker and skopeo are no Python, and the
PyPI package ``oras`` packs folders in a way that loses their names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

import urllib3
from urllib3.exceptions import HTTPError

from builders.kit.transfer.address import Image
from builders.kit.transfer.contents import CHUNK
from builders.kit.transfer.errors import TransferError
from builders.kit.transfer.registry_login import authorization
from builders.kit.transfer.store import Told

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_MAXIMUM_MANIFEST = 4 << 20
"""What registries take at most for a manifest."""
_ATTEMPTS = 4
Body = Callable[[int], Iterator[bytes]]


class Registry:
    """One repository of a registry.

    Args:
        image: which.
        plain_http: without TLS; so are 127.0.0.1 and localhost, as for docker.
    """

    def __init__(self, image: Image, *, plain_http: bool = False) -> None:
        host = image.registry.rpartition(":")[0] or image.registry
        local = host == "localhost" or host.startswith("127.")
        scheme = "http" if plain_http or local else "https"
        self._image = image
        self._base = f"{scheme}://{image.registry}/v2/{image.repository}/"
        self._headers: Mapping[str, str] = {}
        timeout = urllib3.Timeout(10, read=60)
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False)

    def has(self, digest: str, size: int) -> bool:
        """Whether a blob is there, whole."""
        answer = self._ask("HEAD", f"blobs/{digest}", good=(200, 404))
        return answer.status == 200 and answer.headers.get("Content-Length") == str(size)

    def send(self, digest: str, size: int, body: Body, told: Told) -> None:
        """Send a blob; a broken connection goes on where the registry says that it is.

        Raises:
            TransferError: it refuses, or the connection breaks again and again.
        """
        place = self._located(self._ask("POST", "blobs/uploads/", good=(202,)))
        offset = 0
        for attempt in range(_ATTEMPTS):
            try:
                if offset < size:
                    place = self._append(place, offset, size, body, told)
                joint = "&" if "?" in place else "?"
                self._request("PUT", f"{place}{joint}digest={digest}", good=(201,))
                return
            except HTTPError as error:
                if attempt + 1 == _ATTEMPTS:
                    raise self._unreachable(error) from error
                place, offset = self._resume(place)

    def read(self, digest: str, offset: int = 0) -> Iterator[bytes]:
        """A blob's bytes from an offset on.

        Raises:
            TransferError: it is not there, or the connection breaks again and again.
        """
        failures = 0
        while True:
            before = offset
            try:
                headers = {"Range": f"bytes={offset}-"} if offset else {}
                url = f"blobs/{digest}"
                answer = self._ask("GET", url, (200, 206), headers=headers, preload_content=False)
                skip = offset if answer.status == 200 else 0
                for chunk in answer.stream(CHUNK, decode_content=False):
                    rest, skip = chunk[skip:], max(0, skip - len(chunk))
                    offset += len(rest)
                    yield rest
                return
            except HTTPError as error:
                failures = failures + 1 if offset == before else 0
                if failures == _ATTEMPTS:
                    raise self._unreachable(error) from error

    def manifest(self) -> tuple[dict[str, Any], str] | None:
        """The image's manifest and its digest; None where there is none.

        Raises:
            TransferError: it is no image's manifest, or not that of the address's digest.
        """
        url = f"manifests/{self._image.reference}"
        answer = self._ask("GET", url, (200, 404), headers={"Accept": MANIFEST_TYPE})
        if answer.status == 404:
            return None
        digest = f"sha256:{hashlib.sha256(answer.data).hexdigest()}"
        try:
            document = json.loads(answer.data)
            layers = document["layers"]
            right = all(isinstance(each["digest"], str) for each in layers)
        except (ValueError, KeyError, TypeError):
            right = False
        if not right or len(answer.data) > _MAXIMUM_MANIFEST:
            raise TransferError(f"{self._image}: expected an image, found another. Push it again.")
        if self._image.digest not in ("", digest):
            raise TransferError(f"{self._image}: found {digest}: the registry sent another image.")
        return document, digest

    def tag(self, text: bytes) -> None:
        """Put a manifest under the image's tag, and read it back.

        Raises:
            TransferError: what comes back is another: something else wrote it meanwhile.
        """
        url = f"manifests/{self._image.tag}"
        self._ask("PUT", url, (201,), headers={"Content-Type": MANIFEST_TYPE}, body=text)
        answer = self._ask("GET", url, (200,), headers={"Accept": MANIFEST_TYPE})
        if answer.data != text:
            raise TransferError(
                f"{self._image}: expected the manifest that this push wrote, found another: "
                "something else pushes here. Let one push end, then push again."
            )

    def _append(self, place: str, offset: int, size: int, body: Body, told: Told) -> str:
        def counted() -> Iterator[bytes]:
            for chunk in body(offset):
                told(len(chunk))
                yield chunk

        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(size - offset),
        }
        if offset:
            headers["Content-Range"] = f"{offset}-{size - 1}"
        answer = self._request("PATCH", place, good=(202,), headers=headers, body=counted())
        return self._located(answer)

    def _resume(self, place: str) -> tuple[str, int]:
        """Where an upload is; a new one if the registry has dropped it."""
        try:
            answer = self._request("GET", place, good=(204, 404))
        except HTTPError as error:
            raise self._unreachable(error) from error
        if answer.status == 404:
            return self._located(self._ask("POST", "blobs/uploads/", good=(202,))), 0
        last = int(answer.headers.get("Range", "0-0").rpartition("-")[2])
        return self._located(answer), last + 1 if last else 0

    def _located(self, answer: urllib3.BaseHTTPResponse) -> str:
        return urljoin(self._base, answer.headers.get("Location", ""))

    def _ask(
        self, method: str, path: str, good: tuple[int, ...], **options: Any
    ) -> urllib3.BaseHTTPResponse:
        try:
            return self._request(method, self._base + path, good=good, **options)
        except HTTPError as error:
            raise self._unreachable(error) from error

    def _request(
        self, method: str, url: str, *, good: tuple[int, ...], **options: Any
    ) -> urllib3.BaseHTTPResponse:
        headers = {**options.pop("headers", {})}
        for _ in range(2):
            every = {**headers, **self._headers}
            answer = self._pool.request(method, url, headers=every, redirect=True, **options)
            if answer.status != 401 or not isinstance(options.get("body", b""), bytes):
                break
            challenge = answer.headers.get("WWW-Authenticate", "")
            scope = f"repository:{self._image.repository}:pull,push"
            self._headers = authorization(challenge, self._image.registry, scope, self._pool)
        if answer.status in good:
            return answer
        raise self._refused(answer)

    def _refused(self, answer: urllib3.BaseHTTPResponse) -> TransferError:
        registry = self._image.registry
        if answer.status in (401, 403):
            found, remedy = "access is denied", f"Run `docker login {registry}` with an account "
            return TransferError(
                f"{self._image}: expected to use it, found: {found}. {remedy}that may."
            )
        if answer.status == 404:
            return TransferError(f"{self._image}: there is no such image or blob. Push it again.")
        text = answer.data[:200].decode(errors="replace").strip()
        return TransferError(
            f"{self._image}: expected the registry to take it, found status {answer.status}: "
            f"{text} Look into the registry's log."
        )

    def _unreachable(self, error: HTTPError) -> TransferError:
        text = str(error).partition(": ")[2][:160] or str(error)[:160]
        return TransferError(
            f"{self._image}: expected a whole answer from {self._image.registry}, found: "
            f"{text.rstrip('.')}. Check the name, the network, and --plain-http if it has no TLS."
        )
