"""Connections to one server: opened, asked, kept for the next request, and cut from another thread.

HTTP/1.1 is the standard library's, which bounds the length of lines and the number of headers.
Proxies that the environment names are not used.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, cast

from .address import Address
from .faults import ClosedEarly, ConnectionLost, RemoteFault

PIECE = 1 << 16
"""Bytes that are read at once, at most."""

KEPT = 30.0
"""Seconds that an idle connection is kept."""

QUIET = 0.2
"""Seconds after an answer in which nothing more may come before its connection is used again.

HTTP/1.1 has no number that says to which request an answer belongs. What a faulty server sends
behind an answer would be taken for the answer to the next request, and that is another user's.
"""

ERROR = 2.0
"""Seconds of silence, at most, in the body of an error: it is told without its text then."""


class Connection:
    """A connection that one thread uses, and that any thread may cut.

    Args:
        address: the server's.
        tls: how its certificate is verified; None for plain HTTP.
    """

    def __init__(self, address: Address, tls: ssl.SSLContext | None) -> None:
        self._address = address
        self._tls = tls
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._cut = False
        self._http = HTTPConnection(address.host, address.port)
        self._http.auto_open = 0

    def open(self, seconds: float) -> None:
        """Connects, and shakes hands for TLS.

        Args:
            seconds: for all of it, but the resolver's own time for the name.

        Raises:
            RemoteFault: the server cannot be reached, or its certificate is not valid.
        """
        deadline = time.monotonic() + seconds
        failure: OSError = TimeoutError("timed out")
        try:
            found = socket.getaddrinfo(
                self._address.host, self._address.port, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError) as error:
            raise _unreachable(error) from None
        for family, kind, protocol, _, where in found:
            try:
                self._connect(socket.socket(family, kind, protocol), where, deadline)
            except ssl.SSLCertVerificationError as error:
                raise RemoteFault(
                    "has a certificate that is not valid for it", error.verify_message
                ) from None
            except OSError as error:
                failure = error
            else:
                return
        raise _unreachable(failure)

    def ask(self, path: str, headers: Mapping[str, str], body: bytes) -> HTTPResponse:
        """Sends a POST request, and reads the head of the answer.

        Args:
            path: below the address' own.
            headers: beside the host's name and the length.
            body: of the request.

        Raises:
            ConnectionLost: the server closed before it answered.
            RemoteFault: it answered with something else than HTTP.
        """
        every = {"Host": self._address.name, **headers}
        try:
            # A server that refuses a request may close before it has read all of it.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._http.request("POST", self._address.path + path, body, every)
            response = self._http.getresponse()
            if response.status != 200 and self._socket is not None:
                self._socket.settimeout(ERROR)
            return response
        except OSError as error:
            raise ConnectionLost("closed the connection", _words(error), again=True) from None
        except (HTTPException, ValueError) as error:
            raise RemoteFault("answered with something else than HTTP", _words(error)) from None

    def is_usable(self) -> bool:
        """Whether it is open, and nothing came that belongs to no request."""
        with self._lock:
            if self._socket is None or self._cut:
                return False
            poll = select.poll()
            poll.register(self._socket, select.POLLIN)
            return not poll.poll(0)

    def cut(self) -> None:
        """Ends it at once, whatever its thread does; that thread then closes it."""
        with self._lock:
            self._cut = True
            if self._socket is not None:
                _shut(self._socket)

    def close(self) -> None:
        """Closes it; called by its own thread."""
        with self._lock:
            self._http.close()
            if self._socket is not None:
                _shut(self._socket)
                self._socket.close()
                self._socket = None

    def _connect(self, opened: socket.socket, where: Any, deadline: float) -> None:
        self._hold(opened)
        try:
            opened.settimeout(max(deadline - time.monotonic(), 0.001))
            opened.connect(where)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                opened = self._tls.wrap_socket(
                    opened, server_hostname=self._address.host, do_handshake_on_connect=False
                )
                self._hold(opened)
                opened.settimeout(max(deadline - time.monotonic(), 0.001))
                opened.do_handshake()
            # From here on the time limits are those of :mod:`.turns`.
            opened.settimeout(None)
        except BaseException:
            with self._lock:
                opened.close()
                self._socket = None
            raise
        self._http.sock = cast(socket.socket, _Lent(opened))

    def _hold(self, opened: socket.socket) -> None:
        with self._lock:
            self._socket = opened
            if self._cut:
                raise ConnectionAbortedError("cut before it was open")


class _Lent:
    """What http.client may do with a socket: all but close it, as another thread may cut it."""

    def __init__(self, opened: socket.socket) -> None:
        self.sendall = opened.sendall
        self.makefile = opened.makefile

    def close(self) -> None:
        """Leaves it open."""


class Pool:
    """Idle connections to one server, the last used first of those that were quiet.

    Args:
        address: the server's.
        tls: how its certificate is verified; None for plain HTTP.
        most: connections that are kept.
    """

    def __init__(self, address: Address, tls: ssl.SSLContext | None, most: int) -> None:
        self._address = address
        self._tls = tls
        self._most = most
        self._lock = threading.Lock()
        self._idle: list[tuple[float, Connection]] = []

    def kept(self) -> Connection | None:
        """One that was used before, is open still, and was quiet since."""
        while True:
            now = time.monotonic()
            with self._lock:
                quiet = [each for each in self._idle if now - each[0] >= QUIET]
                if not quiet:
                    return None
                self._idle.remove(quiet[-1])
            since, connection = quiet[-1]
            if now - since < KEPT and connection.is_usable():
                return connection
            connection.close()

    def new(self) -> Connection:
        """One that is not open yet."""
        return Connection(self._address, self._tls)

    def keep(self, connection: Connection) -> None:
        """Keeps one whose last answer was read to its end."""
        with self._lock:
            if len(self._idle) < self._most:
                self._idle.append((time.monotonic(), connection))
                return
        connection.close()

    def expire(self, seconds: float = KEPT) -> None:
        """Closes those that were idle for so long."""
        now = time.monotonic()
        with self._lock:
            old = [each for since, each in self._idle if now - since >= seconds]
            self._idle = [(since, each) for since, each in self._idle if now - since < seconds]
        for each in old:
            each.close()


def pieces(response: HTTPResponse) -> Iterator[bytes]:
    """The body of an answer as it comes, :data:`PIECE` bytes at most at once.

    Raises:
        ClosedEarly: it is cut off.
    """
    while True:
        try:
            piece = response.read1(PIECE)
        except (OSError, HTTPException, ValueError) as error:
            raise ClosedEarly(_words(error)) from None
        if not piece:
            return
        yield piece


def _unreachable(error: Exception) -> RemoteFault:
    return RemoteFault("cannot be reached; try again later", _words(error), again=True)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]


def _shut(opened: socket.socket) -> None:
    # Not SSLSocket's own, which changes what the other thread is reading with.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(opened, socket.SHUT_RDWR)
