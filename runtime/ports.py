"""Finding ports to listen on."""

from __future__ import annotations

import socket

from runtime.errors import ServerFailed


def choose(host: str, wanted: dict[str, int]) -> dict[str, int]:
    """A port for each name: the wanted one, or a free one where 0 is wanted.

    A free port can be taken by somebody else before the server listens; the server then refuses
    to start, and says so.

    Raises:
        ServerFailed: a wanted port is in use; the message names all of them.
    """
    chosen: dict[str, int] = {}
    taken: list[str] = []
    sockets = []
    try:
        for name, port in wanted.items():
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            probe = socket.socket(family, socket.SOCK_STREAM)
            sockets.append(probe)
            # As Triton does: connections of an earlier server in TIME_WAIT are no hindrance.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                taken.append(f"{name} port {port} on {host} ({error.strerror})")
                continue
            chosen[name] = probe.getsockname()[1]
    finally:
        for probe in sockets:
            probe.close()
    if taken:
        raise ServerFailed(
            f"Cannot listen: {', '.join(taken)}; choose others, or 0 for a free one, with "
            "--http-port, --grpc-port, --metrics-port."
        )
    return chosen
