"""Fetches an image from a host that is allowed; the address that was judged is the one asked."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from urllib.parse import urljoin

import h11

from gateway.errors import ApiError, invalid
from gateway.fetching.addresses import IP, Place, checked, is_listed, is_public, place_of
from gateway.settings import Fetching

log = logging.getLogger("gateway")

_REDIRECTS = (301, 302, 303, 307, 308)
_PIECE = 65_536


class Fetcher:
    """Fetches images by their URLs.

    Args:
        settings: from where, and how much.
        is_allowed: judges the address of a host.
    """

    def __init__(self, settings: Fetching, is_allowed: Callable[[IP], bool] = is_public) -> None:
        self._settings, self._is_allowed = settings, is_allowed
        self._tls = ssl.create_default_context()

    async def image(self, url: str, param: str) -> bytes:
        """The file behind a URL.

        Args:
            url: of http or https.
            param: where it stands in the request.

        Raises:
            ApiError: nothing may be fetched, or not from there; or it is not there, not an image,
                too large or too slow.
        """
        if not self._settings.hosts:
            told = "images by URL are not switched on here; send the image as a data URI"
            raise invalid(told, param, "unsupported_parameter")
        try:
            async with asyncio.timeout(self._settings.seconds):
                for _ in range(self._settings.redirects + 1):
                    place = place_of(url, param)
                    found, content = await self._asked(place, param)
                    if found is None:
                        return content
                    url = urljoin(url, found)
        except TimeoutError:
            told = f"the image was not there within {self._settings.seconds:g} s"
            raise invalid(told, param, "image_not_fetched") from None
        except (OSError, h11.RemoteProtocolError) as problem:
            log.info("an image could not be fetched: %s", problem)
            told = "the image could not be fetched from its host"
            raise invalid(told, param, "image_not_fetched") from None
        told = f"the image's URL leads on more than {self._settings.redirects} times"
        raise invalid(told, param, "image_not_fetched")

    async def _asked(self, place: Place, param: str) -> tuple[str | None, bytes]:
        """Where an address leads on to, or the file."""
        if not is_listed(place, self._settings.hosts):
            told = f"images from '{place.shown[:100]}' are not allowed here; send a data URI"
            raise invalid(told, param, "host_not_allowed")
        loop = asyncio.get_running_loop()
        try:
            known = await loop.getaddrinfo(place.host, place.port)
        except (OSError, UnicodeError):
            known = []
        ip = checked(known, self._is_allowed)
        if ip is None:
            # Not whether there is one: that would tell of names inside the network.
            told = f"'{place.shown[:100]}' has no address that images are fetched from"
            raise invalid(told, param, "host_not_allowed")
        async with self._connected(place, ip) as (reader, writer):
            return await self._exchange(place, reader, writer, param)

    @contextlib.asynccontextmanager
    async def _connected(
        self, place: Place, ip: IP
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        secure = (
            {"ssl": self._tls, "server_hostname": place.host} if place.secure else {"ssl": None}
        )
        reader, writer = await asyncio.open_connection(str(ip), place.port, **secure)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    async def _exchange(
        self,
        place: Place,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        param: str,
    ) -> tuple[str | None, bytes]:
        connection = h11.Connection(h11.CLIENT)
        request = h11.Request(
            method="GET",
            target=place.target,
            headers=[
                ("Host", place.shown),
                ("Accept", "image/*"),
                ("Accept-Encoding", "identity"),
                ("Connection", "close"),
            ],
        )
        writer.write(connection.send(request) or b"")
        writer.write(connection.send(h11.EndOfMessage()) or b"")
        content = bytearray()
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(_PIECE))
            elif isinstance(event, h11.Response):
                led = _judged(event, self._settings.maximum_bytes, param)
                if led is not None:
                    return led, b""
            elif isinstance(event, h11.Data):
                content += event.data
                if len(content) > self._settings.maximum_bytes:
                    raise _too_large(self._settings.maximum_bytes, param)
            elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                if not content:
                    raise invalid("the image's URL gives nothing", param, "image_not_fetched")
                return None, bytes(content)


def _judged(response: h11.Response, maximum: int, param: str) -> str | None:
    """Where a response leads on to; None if it brings an image.

    Raises:
        ApiError: it brings something else.
    """
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in response.headers}
    if response.status_code in _REDIRECTS and "location" in headers:
        return headers["location"]
    if response.status_code != 200:
        told = f"the image's host answered with status {response.status_code}"
        raise invalid(told, param, "image_not_fetched")
    kind = headers.get("content-type", "image/").partition(";")[0].strip().lower()
    if not kind.startswith(("image/", "application/octet-stream")):
        raise invalid(f"the image's URL gives '{kind[:60]}'", param, "image_not_fetched")
    if headers.get("content-encoding", "identity") != "identity":
        told = "the image's host compresses what was asked for as it is"
        raise invalid(told, param, "image_not_fetched")
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > maximum:
        raise _too_large(maximum, param)
    return None


def _too_large(maximum: int, param: str) -> ApiError:
    return invalid(f"the image has more than {maximum:,} bytes", param, "image_too_large")
