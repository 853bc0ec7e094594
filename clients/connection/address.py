"""The address of a gRPC server, as people write it, and the proxy on the way to it."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass

from clients.errors import ClientError

PORT = 8001
"""Triton's gRPC port, for an address without one."""

VARIABLE = "TRITON_GRPC"
"""The environment variable with the address of a client that is given none."""

_SCHEMES = {"grpc": (False, PORT), "http": (False, 80), "grpcs": (True, 443), "https": (True, 443)}
"""Scheme -> whether it stands for TLS, and the port that it stands for."""

_PROXIES = ("grpc_proxy", "https_proxy", "http_proxy")
_BYPASSES = ("no_grpc_proxy", "no_proxy")
"""The variables that gRPC reads, the first that is set."""

_FORM = "expected HOST:PORT, as 127.0.0.1:8001, [::1]:8001 or grpcs://triton.example:443"


class AddressError(ClientError):
    """What cannot be an address; the message is a sentence that says how to write it."""


@dataclass(frozen=True)
class Address:
    """Where a gRPC server listens.

    Attributes:
        host: a name or an IP address, that of IPv6 without brackets.
        port: 1 to 65535.
        secure: over TLS.
    """

    host: str
    port: int
    secure: bool = False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def target(self) -> str:
        """As a gRPC channel takes it: with a scheme, as a host may be called ``unix``."""
        return f"dns:///{self}".replace("%", "%25")

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine, by a name or address that never goes through a proxy."""
        name = self.host.rstrip(".").lower()
        if name == "localhost" or name.endswith(".localhost"):
            return True
        try:
            address = ipaddress.ip_address(name.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return bool((mapped or address).is_loopback or address.is_unspecified)

    @property
    def proxy(self) -> str | None:
        """The proxy that gRPC asks for it, as ``proxy.example:3128 (http_proxy)``; None if none."""
        if self.is_loopback:
            return None
        name = next((name for name in _PROXIES if os.environ.get(name)), None)
        if name is None or not os.environ[name].startswith("http://"):  # gRPC knows no other
            return None
        direct = next((os.environ[each] for each in _BYPASSES if os.environ.get(each)), "")
        if any(_covers(entry.strip(), self.host) for entry in direct.split(",")):
            return None
        # Without the user and password that may stand in it.
        return f"{os.environ[name].rpartition('@')[2].removeprefix('http://').rstrip('/')} ({name})"


def parse(text: str) -> Address:
    """An address from what somebody wrote.

    Without a scheme, or with ``grpc://`` or ``http://``, the connection is plain; ``grpcs://`` and
    ``https://`` mean TLS. Without a port it is 8001, or that of http and https.

    Raises:
        AddressError: it is not an address, or has a part that gRPC does not know: a path, a user, a
            password.
    """
    written = text.strip()
    if not written:
        raise AddressError(f"the address is empty; {_FORM}")
    scheme, separator, rest = written.partition("://")
    if not separator:
        scheme, rest = "grpc", written
    if scheme.lower() not in _SCHEMES:
        raise AddressError(
            f"no scheme '{scheme}' is known, found '{_hidden(written)}'; {_FORM}, or one of "
            f"{', '.join(f'{name}://' for name in _SCHEMES)} before it"
        )
    if "@" in rest:
        raise AddressError(
            f"the address has a user or a password, which gRPC has no place for, found "
            f"'{_hidden(written)}'; {_FORM}"
        )
    host_port, _, path = rest.partition("/")
    if path or re.search(r"[?#]", rest):
        raise AddressError(
            f"the address has a path, which gRPC has no place for, found '{written}'; {_FORM}"
        )
    secure, default = _SCHEMES[scheme.lower()]
    host, port = _split(host_port, written)
    return Address(host, default if port is None else port, secure)


def address_of(url: str | None) -> Address:
    """The address that was given; otherwise the environment's, or Triton's default on this machine.

    Raises:
        AddressError: it is not an address.
    """
    return parse(os.environ.get(VARIABLE) or f"127.0.0.1:{PORT}" if url is None else url)


def _split(host_port: str, written: str) -> tuple[str, int | None]:
    bracketed = re.fullmatch(r"\[([^\[\]]*)\](?::(.*))?", host_port)
    if bracketed:
        host, port = bracketed[1], bracketed[2]
        _check_ipv6(host, written)
    elif host_port.count(":") > 1:
        raise AddressError(
            f"found '{written}'; an IPv6 address stands in brackets, as [::1]:{PORT}"
        )
    else:
        host, separator, after = host_port.partition(":")
        port = after if separator else None
        host = _name(host, written)
    if port is None:
        return host, None
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise AddressError(f"the port is no number from 1 to 65535, found '{written}'; {_FORM}")
    return host, int(port)


def _check_ipv6(host: str, written: str) -> None:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        raise AddressError(
            f"what stands in brackets is no IPv6 address, found '{written}'; {_FORM}"
        ) from None


def _name(host: str, written: str) -> str:
    """A host's name in ASCII."""
    try:
        name = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        name = ""
    if not re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9._-]*)", name):
        raise AddressError(f"that is no name of a host, found '{written}'; {_FORM}")
    return name


def _covers(entry: str, host: str) -> bool:
    """Whether an entry of ``no_proxy`` stands for a host: its end, or a network with its address.

    As gRPC reads it (core/lib/transport/http_proxy_mapper.cc); ``*`` means nothing to it.
    """
    if not entry:
        return False
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return host.lower().endswith(entry.lower())


def _hidden(written: str) -> str:
    """What was written, without a password."""
    return re.sub(r"[^/@]*@", "…@", written)
