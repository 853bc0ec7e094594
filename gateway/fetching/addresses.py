"""Which hosts and addresses may be asked for a file: none inside the network that this runs in."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.errors import invalid

IP = ipaddress.IPv4Address | ipaddress.IPv6Address

PORTS = {"http": 80, "https": 443}

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LONGEST = 2048


@dataclass(frozen=True)
class Place:
    """Where a URL points.

    Attributes:
        secure: over TLS.
        host: a name, or an address without brackets; in lower case.
        port: 1 to 65535.
        target: path and query, as they are sent.
    """

    secure: bool
    host: str
    port: int
    target: str

    @property
    def shown(self) -> str:
        """As the header Host has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS["https" if self.secure else "http"] else self._port(host)

    def _port(self, host: str) -> str:
        return f"{host}:{self.port}"


def place_of(url: str, param: str) -> Place:
    """The place that a URL means.

    Raises:
        ApiError: it is no URL of http or https, or has a user in it.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    printable = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    if not host or not printable or len(url) > _LONGEST or parts.scheme not in PORTS:
        told = "an image's address has to be a data URI, or a URL of http or https in ASCII"
        raise invalid(told, param)
    if "@" in parts.netloc:
        raise invalid("an image's URL has no user and no password", param)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(parts.scheme == "https", host.rstrip("."), port or PORTS[parts.scheme], target)


def is_listed(place: Place, hosts: Sequence[str]) -> bool:
    """Whether a host is on a list, on the port that its scheme stands for.

    Args:
        place: the host and its port.
        hosts: names, each with all below it if it begins with ``*.``, and with a port of its own
            after a colon.
    """
    for each in hosts:
        name, _, port = each.lower().rpartition(":") if ":" in each else (each.lower(), "", "")
        usual = place.port == PORTS["https" if place.secure else "http"]
        if (str(place.port) == port) if port else usual:
            below = name.startswith("*.") and place.host.endswith(name[1:])
            if place.host == name or below:
                return True
    return False


def is_public(ip: IP) -> bool:
    """Whether an address is of the internet, and of no network, machine or service near by.

    An IPv4 address in IPv6's clothes is judged as itself; tunnels lead anywhere.
    """
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None or ip in _NAT64:
            return is_public(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        if ip.sixtofour is not None or ip.teredo is not None:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def checked(
    found: Sequence[tuple[object, ...]], is_allowed: Callable[[IP], bool] = is_public
) -> IP | None:
    """The address to connect to, of those that a name means; None if any is not allowed.

    A name that means a public and a private address is a trick, or a mistake.

    Args:
        found: as ``getaddrinfo`` gives them.
        is_allowed: judges an address.
    """
    addresses = [
        ipaddress.ip_address(str(place[0]))  # type: ignore[index]
        for family, *_, place in found
        if family in (socket.AF_INET, socket.AF_INET6)
    ]
    if not addresses or not all(map(is_allowed, addresses)):
        return None
    return addresses[0]
