"""Runs a gateway until it is asked to end."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn

from gateway.app import make_app
from gateway.errors import GatewayError
from gateway.serving.protocol import Connection
from gateway.settings import Settings


class Prepared:
    """A gateway that listens, and is not served yet.

    Args:
        settings: the gateway's.
        host: the address to listen on.
        port: 0 takes a free one.
        exit_seconds: how long requests under way may take at the end.

    Attributes:
        url: as ``http://127.0.0.1:9000``.

    Raises:
        GatewayError: it cannot listen there.
    """

    def __init__(self, settings: Settings, host: str, port: int, exit_seconds: float) -> None:
        self._listening = _listening(host, port)
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._listening.getsockname()[1]}"
        limits = settings.limits
        self._server = uvicorn.Server(
            uvicorn.Config(
                make_app(settings),
                http=type("Bounded", (Connection,), {"limits": limits}),
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=int(limits.keep_alive_seconds),
                timeout_graceful_shutdown=int(exit_seconds),
            )
        )

    def serve(self) -> None:
        """Serves until :meth:`end`, or SIGINT or SIGTERM where this is the main thread."""
        self._server.run(sockets=[self._listening])

    def end(self) -> None:
        """Asks it to end; requests under way are then answered."""
        self._server.should_exit = True


def run(
    settings: Settings,
    host: str,
    port: int,
    *,
    exit_seconds: float,
    started: Callable[[str], None],
) -> None:
    """Serves until SIGINT or SIGTERM; requests under way are then answered.

    Args:
        settings: the gateway's.
        host: the address to listen on.
        port: 0 takes a free one.
        exit_seconds: how long requests under way may take at the end.
        started: is told the gateway's URL.

    Raises:
        GatewayError: it cannot listen there.
    """
    prepared = Prepared(settings, host, port, exit_seconds)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s: %(message)s"
    )
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    # Uvicorn raises the signal anew at its end, by which time all is done.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ended)
    started(prepared.url)
    prepared.serve()


def _ended(number: int, frame: FrameType | None) -> None:
    """The signal's work is done."""


def _listening(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, place = found[0]
        # With its protocol: else asyncio leaves Nagle's algorithm on, and a piece waits for 40 ms.
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(place)
            listening.listen(1024)
        except BaseException:
            listening.close()
            raise
    except (OSError, UnicodeError) as problem:
        why = getattr(problem, "strerror", None) or problem
        raise GatewayError(
            f"Cannot listen on {host}, port {port}: {why}. Choose another address or port.",
            arguments=("host", "port"),
        ) from problem
    return listening
