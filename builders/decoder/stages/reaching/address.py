"""Where a remote server is: the parts of its address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}
"""The schemes, and their ports."""

LONGEST = 2_000
"""Characters of an address."""


@dataclass(frozen=True)
class Address:
    """An HTTP address that others start with.

    Attributes:
        host: a name, or an IP address without brackets.
        port: of the server.
        tls: whether it is https.
        path: its path, without a slash at the end.
    """

    host: str
    port: int
    tls: bool
    path: str

    @property
    def name(self) -> str:
        """The header ``Host``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (
            host if self.port == PORTS["https" if self.tls else "http"] else f"{host}:{self.port}"
        )


def address_of(url: str) -> Address:
    """Reads an address, as ``http://decoder/v1``.

    Raises:
        ValueError: it is something else; the text says what, in a few words.
    """
    if len(url) > LONGEST or not re.fullmatch(r"[!-~]+", url):
        raise ValueError("it has spaces, other than ASCII characters, or too many characters")
    parts = urlsplit(url)
    if parts.scheme not in PORTS:
        raise ValueError("it does not begin with http:// or https://")
    if "@" in parts.netloc:
        raise ValueError("it has a user's name or password, which an address would show")
    if "?" in url or "#" in url:
        raise ValueError("it has a '?' or a '#', and paths are put behind it")
    if not parts.hostname or not re.fullmatch(r"[A-Za-z0-9._:%-]+", parts.hostname):
        raise ValueError("it has no host, or one with other than letters, digits, '.', '_' and '-'")
    # urlsplit raises a ValueError of its own for a port that is out of range, or is no number.
    port = parts.port if parts.port is not None else PORTS[parts.scheme]
    if port == 0:
        raise ValueError("its port is 0")
    return Address(parts.hostname, port, parts.scheme == "https", parts.path.rstrip("/"))
