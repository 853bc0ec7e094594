"""A registry over its HTTP API (OCI distribution-spec 1.1): blobs and manifests of one repository.

The protocol is small, and the libraries at hand are not: docker and skopeo are no Python, and the
PyPI package ``oras`` packs folders in a way that loses their names.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError

from repository.transfer.address import Image
from repository.transfer.answer import SMALL, stream, whole
from repository.transfer.errors import TransferError, plain
from repository.transfer.oci.document import Blob, document_of, platform_of
from repository.transfer.oci.login import authorization
from repository.transfer.store import Told

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_IMAGES = (
    MANIFEST_TYPE,
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
"""What an image can be described by: itself, or a list of one for each platform."""
_HOSTS = {"docker.io": "registry-1.docker.io"}
"""A registry's name in images -> where its API is, if elsewhere (docker/distribution)."""
_REDIRECTS = 5
_ATTEMPTS = 4
_PROGRESS = 64 << 10
"""A broken connection that carried so many bytes counts as one that worked."""
_ERRNO = re.compile(r"\[Errno -?[0-9]+\] ")
_RANGE = re.compile(r"(?:bytes=)?[0-9]{1,19}-([0-9]{1,19})")
Body = Callable[[int], Iterator[bytes]]


def _is_local(registry: str) -> bool:
    """Whether a registry's name is this machine's; ``127.example.org`` is another's."""
    host = urlsplit(f"//{registry}").hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Registry:
    """One repository of a registry.

    Args:
        image: which.
        plain_http: speak without TLS. 127.0.0.1 and localhost need no TLS anyway, as with docker.
    """

    def __init__(self, image: Image, *, plain_http: bool = False) -> None:
        scheme = "http" if plain_http or _is_local(image.registry) else "https"
        self._image = image
        server = _HOSTS.get(image.registry, image.registry)
        self._base = f"{scheme}://{server}/v2/{image.repository}/"
        self._headers: Mapping[str, str] = {}
        timeout = urllib3.Timeout(10, read=60)
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False)

    def has(self, digest: str, size: int) -> bool:
        """Whether a blob is there, whole."""
        answer = self._open("HEAD", f"blobs/{digest}", (200, 404))
        whole(answer, str(self._image))
        return answer.status == 200 and answer.headers.get("Content-Length") == str(size)

    def send(self, digest: str, size: int, body: Body, told: Told) -> None:
        """Send a blob. After a broken connection it goes on where the registry says.

        Raises:
            TransferError: it refuses, or the connection breaks again and again.
        """
        place = self._begun()
        offset = 0
        for attempt in range(_ATTEMPTS):
            try:
                if offset < size:
                    place = self._append(place, offset, size, body, told)
                joint = "&" if "?" in place else "?"
                put = self._request("PUT", f"{place}{joint}digest={digest}", good=(201,))
                whole(put, str(self._image))
                return
            except HTTPError as error:
                if attempt + 1 == _ATTEMPTS:
                    raise self._unreachable(error) from error
                place, offset = self._resume(place)

    def read(self, digest: str, offset: int = 0) -> Iterator[bytes]:
        """A blob's bytes from an offset on, as many as the registry sends.

        Raises:
            TransferError: it is not there, or the connection breaks again and again.
        """
        failures = 0
        while True:
            before = offset
            try:
                headers = {"Range": f"bytes={offset}-"} if offset else {}
                answer = self._open("GET", f"blobs/{digest}", (200, 206), headers=headers)
                skip = offset if answer.status == 200 else 0
                for chunk in stream(answer, str(self._image)):
                    rest, skip = chunk[skip:], max(0, skip - len(chunk))
                    offset += len(rest)
                    if rest:
                        yield rest
                return
            except HTTPError as error:
                failures = failures + 1 if offset - before < _PROGRESS else 0
                if failures == _ATTEMPTS:
                    raise self._unreachable(error) from error

    def small(self, blob: Blob, limit: int = SMALL) -> bytes:
        """A small blob, whole, with the digest that it has to have.

        Raises:
            TransferError: it is too large, or another.
        """
        if blob.size > limit:
            raise TransferError(
                f"{self._image}: expected a configuration of at most {limit:,} bytes, found "
                f"{blob.size:,}. Push it again."
            )
        content = bytearray()
        for chunk in self.read(blob.digest):
            content += chunk
            if len(content) > blob.size:
                break
        if f"sha256:{hashlib.sha256(content).hexdigest()}" != blob.digest:
            raise TransferError(
                f"{self._image}, {blob.digest[:23]}…: found another content: it was changed where "
                "it lies or on its way. Push it again."
            )
        return bytes(content)

    def manifest(self) -> tuple[Mapping[str, Any], str] | None:
        """The image's manifest and its digest; None if there is none.

        If the image is for several platforms, it is the one for Linux on x86-64.

        Raises:
            TransferError: it is not a manifest, or does not have the address's digest.
        """
        found = self._described(self._image.reference)
        if found is None:
            return None
        document, digest = found
        if self._image.digest not in ("", digest):
            raise TransferError(f"{self._image}: found {digest}: the registry sent another image.")
        inner = platform_of(document, str(self._image))
        if inner is not None:
            found = self._described(inner)
            if found is None or found[1] != inner:
                sent = "none" if found is None else found[1]
                raise TransferError(
                    f"{self._image}: expected {inner}, found {sent}. Push it again."
                )
            document, digest = found
        return document, digest

    def _described(self, reference: str) -> tuple[Mapping[str, Any], str] | None:
        """What a tag or a digest names, and its digest."""
        url = f"manifests/{reference}"
        status, content = self._ask("GET", url, (200, 404), headers={"Accept": ", ".join(_IMAGES)})
        if status == 404:
            return None
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        return document_of(content, str(self._image)), digest

    def tagged(self) -> Mapping[str, Any] | None:
        """What the image's tag names, an image or a list of them; None if it names nothing.

        Raises:
            TransferError: it is no JSON object.
        """
        found = self._described(self._image.tag)
        return None if found is None else found[0]

    def tag(self, text: bytes) -> None:
        """Put a manifest under the image's tag, and read it back.

        Raises:
            TransferError: what comes back is another: something else wrote it meanwhile.
        """
        url = f"manifests/{self._image.tag}"
        self._ask("PUT", url, (201,), headers={"Content-Type": MANIFEST_TYPE}, body=text)
        _, content = self._ask("GET", url, (200,), headers={"Accept": MANIFEST_TYPE})
        if content != text:
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
        whole(answer, str(self._image))
        return self._located(answer)

    def _resume(self, place: str) -> tuple[str, int]:
        """Where an upload is; a new one if the registry has dropped it."""
        try:
            answer = self._request("GET", place, good=(204, 404))
            whole(answer, str(self._image))
        except HTTPError as error:
            raise self._unreachable(error) from error
        if answer.status == 404:
            return self._begun(), 0
        there = _RANGE.fullmatch(answer.headers.get("Range", "0-0"))
        if there is None:
            return self._begun(), 0
        last = int(there[1])
        return self._located(answer), last + 1 if last else 0

    def _begun(self) -> str:
        """The address of a new upload."""
        answer = self._open("POST", "blobs/uploads/", (202,))
        whole(answer, str(self._image))
        return self._located(answer)

    def _located(self, answer: urllib3.BaseHTTPResponse) -> str:
        return self._joined(self._base, answer.headers.get("Location", ""))

    def _joined(self, base: str, place: str) -> str:
        """An address that the registry names, if it is one for HTTP, and with TLS if ours is."""
        try:
            url = urljoin(base, place)
            parts = urlsplit(url)
            known = parts.hostname is not None and parts.port != 0
        except ValueError:
            url, known = place, False
        if not known or parts.scheme not in ("http", "https"):
            found = "none for HTTP"
        elif parts.scheme == "http" and self._base.startswith("https:"):
            found = "one without TLS"
        else:
            return url
        raise TransferError(
            f"{self._image}: expected the registry to name an address, found {found}: "
            f"{plain(url, 100)}. Look into the registry's log."
        )

    def _ask(
        self, method: str, path: str, good: tuple[int, ...], **options: Any
    ) -> tuple[int, bytes]:
        """A small answer, whole: its status and its body."""
        answer = self._open(method, path, good, **options)
        try:
            return answer.status, whole(answer, str(self._image))
        except HTTPError as error:
            raise self._unreachable(error) from error

    def _open(
        self, method: str, path: str, good: tuple[int, ...], **options: Any
    ) -> urllib3.BaseHTTPResponse:
        attempt = 1
        while True:
            try:
                return self._request(method, self._base + path, good=good, **options)
            except HTTPError as error:
                # A server may close a connection just as it is used again.
                broke_off = isinstance(error, ProtocolError) and method in ("GET", "HEAD")
                if not broke_off or attempt == _ATTEMPTS:
                    raise self._unreachable(error) from error
                attempt += 1

    def _request(
        self, method: str, url: str, *, good: tuple[int, ...], **options: Any
    ) -> urllib3.BaseHTTPResponse:
        """An answer whose body is not read yet."""
        headers = {**options.pop("headers", {})}
        for _ in range(2):
            answer = self._once(method, url, headers, options)
            if answer.status != 401 or not isinstance(options.get("body", b""), bytes):
                break
            answer.close()
            challenge = answer.headers.get("WWW-Authenticate", "")
            scope = f"repository:{self._image.repository}:pull,push"
            secure = self._base.startswith("https:")
            self._headers = authorization(
                challenge, self._image.registry, scope, self._pool, secure=secure
            )
        if method in ("GET", "HEAD"):
            answer = self._followed(method, url, answer, headers, options)
        if answer.status in good:
            return answer
        raise self._refused(answer)

    def _once(
        self, method: str, url: str, headers: Mapping[str, str], options: Mapping[str, Any]
    ) -> urllib3.BaseHTTPResponse:
        """One request; our token goes to the registry alone."""
        ours, other = urlsplit(self._base), urlsplit(url)
        own = self._headers if (ours.scheme, ours.netloc) == (other.scheme, other.netloc) else {}
        return self._pool.request(
            method,
            url,
            headers={**headers, **own},
            redirect=False,
            preload_content=False,
            **options,
        )

    def _followed(
        self,
        method: str,
        url: str,
        answer: urllib3.BaseHTTPResponse,
        headers: Mapping[str, str],
        options: Mapping[str, Any],
    ) -> urllib3.BaseHTTPResponse:
        """The answer from where a registry keeps its blobs, which may be a bucket elsewhere.

        Its address carries its own signature.
        """
        for _ in range(_REDIRECTS):
            place = answer.get_redirect_location()
            if not place:
                break
            answer.close()
            url = self._joined(url, place)
            answer = self._once(method, url, headers, options)
        return answer

    def _refused(self, answer: urllib3.BaseHTTPResponse) -> TransferError:
        registry = self._image.registry
        if answer.status in (401, 403, 404):
            answer.close()
        if answer.status in (401, 403):
            found, remedy = "access is denied", f"Run `docker login {registry}` with an account "
            return TransferError(
                f"{self._image}: expected to use it, found: {found}. {remedy}that may."
            )
        if answer.status == 404:
            return TransferError(f"{self._image}: there is no such image or blob. Push it again.")
        text = plain(next(stream(answer, str(self._image)), b"").decode(errors="replace"))
        answer.close()
        return TransferError(
            f"{self._image}: expected the registry to take it, found status {answer.status}: "
            f"{text or 'without a word'}. Look into the registry's log."
        )

    def _unreachable(self, error: HTTPError) -> TransferError:
        text = _ERRNO.sub("", plain(str(error).partition(": ")[2] or str(error), 160))
        if isinstance(error, ProtocolError):  # urllib3 tells it as objects within one another
            text = "a connection that broke off"
        return TransferError(
            f"{self._image}: expected a whole answer from {self._image.registry}, found: "
            f"{text.rstrip('.')}. Check the name, the network, and whether to ask it without TLS.",
            arguments=("plain_http",),
        )
