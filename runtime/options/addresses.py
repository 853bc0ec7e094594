"""The address that a server listens on, as Triton 24.10 takes it in each place.

Its HTTP and metrics services know no names, and listen on 255.255.255.255 for what they do not
understand; IPv6 they take after ``ipv6:``, and gRPC in brackets.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from dataclasses import dataclass

from repository.findings import shortened
from runtime.errors import ServerFailed

_CONNECT_SECONDS = 2.0


@dataclass(frozen=True)
class Address:
    """One IP address.

    Attributes:
        ip: as ``127.0.0.1`` or ``::1``.
    """

    ip: str

    @property
    def family(self) -> socket.AddressFamily:
        """IPv4 or IPv6."""
        return socket.AF_INET6 if ":" in self.ip else socket.AF_INET

    @property
    def for_http(self) -> str:
        """For ``--http-address`` and ``--metrics-address``."""
        return f"ipv6:{self.ip}" if ":" in self.ip else self.ip

    @property
    def for_grpc(self) -> str:
        """For ``--grpc-address``, for a URL, and for a container engine."""
        return f"[{self.ip}]" if ":" in self.ip else self.ip

    @property
    def for_clients(self) -> str:
        """Where a client on this machine finds it: none can connect to "any address"."""
        return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.ip, self.for_grpc)

    @property
    def is_private(self) -> bool:
        """Whether only this machine reaches it."""
        return ipaddress.ip_address(self.ip).is_loopback


def resolve(host: str) -> Address:
    """The address that a host means; IPv4 where it has both, as a server listens on one.

    Args:
        host: an address, with or without brackets, or a name.

    Raises:
        ServerFailed: it means none, or one that needs an interface's name beside it.
    """
    name = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not name.strip():
        raise ServerFailed(
            "The host is empty: give an address of this machine, as 127.0.0.1, or 0.0.0.0 for all."
        )
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "no name can be so"
        raise ServerFailed(
            f"The host '{shortened(host)}' is no address and no name that this machine knows "
            f"({why}): give one alone, without a scheme or a port, as 127.0.0.1."
        ) from error
    found = sorted(found, key=lambda each: each[0] != socket.AF_INET)
    for family, *_, place in found:
        if family in (socket.AF_INET, socket.AF_INET6) and not any(place[3:]):
            return Address(_plain(str(place[0])))
    raise ServerFailed(
        f"The host '{host}' is a link-local address, which means something only beside an "
        "interface's name, and Triton takes none: give another address of this machine."
    )


def _plain(ip: str) -> str:
    """An IPv4 address in IPv6's form (``::ffff:127.0.0.1``) as IPv4: Triton takes no such form."""
    mapped = getattr(ipaddress.ip_address(ip), "ipv4_mapped", None)
    return str(mapped or ip)


def check(address: Address) -> None:
    """Whether a server can listen there and a client here can reach it.

    To listen may work where nobody can connect, as with addresses for broadcast and multicast.

    Raises:
        ServerFailed: it cannot.
    """
    try:
        with socket.create_server((address.ip, 0), family=address.family) as listening:
            port = listening.getsockname()[1]
            host = address.for_clients.strip("[]")
            socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        absent = error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
        why = "it is not an address of this machine" if absent else "no client can connect to it"
        raise ServerFailed(
            f"Cannot listen on {address.ip}: {why} ({error.strerror or error}). 0.0.0.0 means all "
            "that this machine has, 127.0.0.1 the machine itself."
        ) from error
