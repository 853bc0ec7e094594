"""A server's connections: whether data flows, and how idle ones are closed.

Triton's HTTP service does not end while a connection is open, and a keep-alive connection stays
open. Closing our side of it for reading makes Triton close it: at once if it is idle, and after the
answer if a request is being worked on. The connection is reached through a duplicate of the
server's own descriptor (pidfd_getfd, Linux 5.6), which a parent may take.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import struct
import termios
from collections.abc import Collection, Iterator
from pathlib import Path

_SYS_PIDFD_GETFD = 438
_LAST_DATA_SENT = 44
_LAST_DATA_RECEIVED = 52
"""Offsets in ``struct tcp_info`` (linux/tcp.h) of the milliseconds since data went and came."""

QUIET_MILLISECONDS = 300
"""A connection on which nothing came for so long is not in the middle of sending a request."""


def traffic(pid: int, ports: Collection[int]) -> tuple[int, float]:
    """How many clients are connected to a server, and since when no data came or went.

    Args:
        pid: the server.
        ports: its own, that they are connected to.

    Returns:
        The connections, and the seconds since data last went on one of them; infinity without any.
        If this machine does not let us look: one connection, and infinity.
    """
    ages = []
    try:
        for connection in _connections(pid, ports):
            ages.append(min(_milliseconds_quiet(connection)) / 1000)
    except PermissionError:
        return 1, float("inf")
    return len(ages), min(ages, default=float("inf"))


def end_quiet(pid: int, port: int, *, insist: bool) -> bool:
    """Ends the connections to a port of a server on which no request is being sent.

    Args:
        pid: the server.
        port: the local port that they are connected to.
        insist: ends also those whose clients send one request after the other, at the risk that
            one of those is cut off. A long upload is never cut off.

    Returns:
        False if this machine does not let us, and trying again is useless.
    """
    try:
        for connection in _connections(pid, (port,)):
            _end_if_quiet(connection, insist)
    except PermissionError:
        return False
    return True


def _connections(pid: int, ports: Collection[int]) -> Iterator[socket.socket]:
    """Duplicates of a server's connected sockets, each closed when the next is asked for.

    Raises:
        PermissionError: this machine does not let us.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except OSError as error:
        raise PermissionError from error
    try:
        for descriptor in _sockets(pid):
            duplicate = libc.syscall(_SYS_PIDFD_GETFD, handle, descriptor, 0)
            if duplicate < 0:
                if ctypes.get_errno() in (errno.EPERM, errno.ENOSYS):
                    raise PermissionError
                continue
            with socket.socket(fileno=duplicate) as connection:
                if _is_connected(connection, ports):
                    yield connection
    finally:
        os.close(handle)


def _sockets(pid: int) -> Iterator[int]:
    folder = Path(f"/proc/{pid}/fd")
    try:
        links = list(folder.iterdir())
    except OSError:
        return
    for link in links:
        try:
            if str(link.readlink()).startswith("socket:"):
                yield int(link.name)
        except OSError:
            continue


def _is_connected(connection: socket.socket, ports: Collection[int]) -> bool:
    try:
        connection.getpeername()  # a listening socket has none
        return connection.type == socket.SOCK_STREAM and connection.getsockname()[1] in ports
    except (OSError, IndexError):
        return False


def _milliseconds_quiet(connection: socket.socket) -> tuple[int, int]:
    """How long ago data was sent, and was received."""
    try:
        facts = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        (since_sent,) = struct.unpack_from("I", facts, _LAST_DATA_SENT)
        (since_received,) = struct.unpack_from("I", facts, _LAST_DATA_RECEIVED)
    except (OSError, struct.error):
        return 0, 0
    return since_sent, since_received


def _end_if_quiet(connection: socket.socket, insist: bool) -> None:
    try:
        since_sent, since_received = _milliseconds_quiet(connection)
        quiet = since_received >= QUIET_MILLISECONDS
        busy = since_sent < QUIET_MILLISECONDS  # requests come, and so do answers
        (unsent,) = struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0" * 4))
        if (quiet or (insist and busy)) and not unsent:
            connection.shutdown(socket.SHUT_RD)
    except OSError:
        return
