"""Finding ports to listen on, and keeping them."""

from __future__ import annotations

import collections
import socket
from collections.abc import Mapping

from runtime.errors import ServerFailed
from runtime.options.addresses import Address


class Ports:
    """Ports that are ours from now on, whether a server listens on them or not.

    A socket is bound to each and never listens: so the kernel gives the port to nobody who asks for
    a free one, and a server that sets SO_REUSEADDR, as Triton does, can listen on it, again and
    again.

    Args:
        address: where.
        wanted: a port for each name; 0 takes a free one.

    Attributes:
        numbers: the port of each name.

    Raises:
        ServerFailed: a wanted port is in use, or may not be ours; the message names all of them.
    """

    def __init__(self, address: Address, wanted: Mapping[str, int]) -> None:
        self.numbers: dict[str, int] = {}
        self._sockets: list[socket.socket] = []
        taken = _wanted_twice(wanted)
        for name, port in wanted.items():
            try:
                held = socket.socket(address.family, socket.SOCK_STREAM)
                self._sockets.append(held)
                # As Triton does: connections of an earlier server in TIME_WAIT are no hindrance.
                held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                held.bind((address.ip, port))
            except OSError as error:
                taken.append(f"{name} port {port} on {address.ip} ({error.strerror})")
                continue
            self.numbers[name] = held.getsockname()[1]
        if taken:
            self.close()
            raise ServerFailed(
                f"Cannot listen: {', '.join(taken)}; choose others, or 0 for a free one.",
                arguments=("http_port", "grpc_port", "metrics_port"),
            )

    def close(self) -> None:
        """Lets them go."""
        for held in self._sockets:
            held.close()
        self._sockets.clear()


def _wanted_twice(wanted: Mapping[str, int]) -> list[str]:
    names = collections.defaultdict(list)
    for name, port in wanted.items():
        names[port].append(name)
    return [
        f"port {port} for {' and '.join(each)}"
        for port, each in names.items()
        if port and len(each) > 1
    ]
