"""A registry over its HTTP API (OCI distribution-spec 1.1): blobs and manifests of one repository.

The protocol is small, and the libraries at hand are not: docker and skopeo are no Python, and the
PyPI package ``oras`` packs folders in a way that loses their names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from builders.kit.transfer.address import Image
from builders.kit.transfer.contents import CHUNK
from builders.kit.transfer.errors import TransferError
from builders.kit.transfer.registry_login import authorization
from builders.kit.transfer.store import Told

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_IMAGES = (
    MANIFEST_TYPE,
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
"""What an image can be described by: itself, or a list of one for each platform."""
_PLATFORM = ("linux", "amd64")
_HOSTS = {"docker.io": "registry-1.docker.io"}
"""A registry's name in images -> where its API is, if elsewhere (docker/distribution)."""
_REDIRECTS = 5
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
        server = _HOSTS.get(image.registry, image.registry)
        self._base = f"{scheme}://{server}/v2/{image.repository}/"
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

        Of an image for several platforms, that for Linux on x86-64.

        Raises:
            TransferError: it is no image's manifest, or not that of the address's digest.
        """
        found = self._described(self._image.reference)
        if found is None:
            return None
        document, digest = found
        if self._image.digest not in ("", digest):
            raise TransferError(f"{self._image}: found {digest}: the registry sent another image.")
        for each in document.get("manifests", ()):
            platform = each.get("platform", {})
            if (platform.get("os"), platform.get("architecture")) == _PLATFORM:
                document, digest = self._described(each["digest"]) or ({}, "")
                if digest != each["digest"]:
                    raise TransferError(
                        f"{self._image}: found {digest}: expected {each['digest']}."
                    )
                break
        layers = document.get("layers")
        if not isinstance(layers, list) or not all("digest" in each for each in layers):
            raise TransferError(f"{self._image}: expected an image, found another. Push it again.")
        return document, digest

    def _described(self, reference: str) -> tuple[dict[str, Any], str] | None:
        """What a tag or a digest names, and its digest; an empty object if that is no JSON."""
        url = f"manifests/{reference}"
        answer = self._ask("GET", url, (200, 404), headers={"Accept": ", ".join(_IMAGES)})
        if answer.status == 404:
            return None
        try:
            document = json.loads(answer.data) if len(answer.data) <= _MAXIMUM_MANIFEST else {}
        except ValueError:
            document = {}
        found = document if isinstance(document, dict) else {}
        return found, f"sha256:{hashlib.sha256(answer.data).hexdigest()}"

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
            answer = self._pool.request(method, url, headers=every, redirect=False, **options)
            if answer.status != 401 or not isinstance(options.get("body", b""), bytes):
                break
            challenge = answer.headers.get("WWW-Authenticate", "")
            scope = f"repository:{self._image.repository}:pull,push"
            self._headers = authorization(challenge, self._image.registry, scope, self._pool)
        if method in ("GET", "HEAD"):
            answer = self._followed(method, url, answer, headers, options)
        if answer.status in good:
            return answer
        raise self._refused(answer)

    def _followed(
        self,
        method: str,
        url: str,
        answer: urllib3.BaseHTTPResponse,
        headers: Mapping[str, str],
        options: Mapping[str, Any],
    ) -> urllib3.BaseHTTPResponse:
        """The answer from where a registry keeps its blobs, which may be a bucket elsewhere.

        Its address carries its own signature: our token goes to the registry alone.
        """
        for _ in range(_REDIRECTS):
            place = answer.get_redirect_location()
            if not place:
                break
            answer.drain_conn()
            url = urljoin(url, place)
            own = self._headers if urlsplit(url).netloc == urlsplit(self._base).netloc else {}
            every = {**headers, **own}
            answer = self._pool.request(method, url, headers=every, redirect=False, **options)
        return answer

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
