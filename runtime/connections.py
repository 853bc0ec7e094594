"""Closing the connections that a client merely keeps open.

Triton's HTTP service does not end before its connections do, and a keep-alive connection has no
reason to. Closing our side of it for reading makes Triton close it: at once if it is idle, and
after the answer if a request is being worked on. The connection is reached through a duplicate of
the server's own descriptor (pidfd_getfd, Linux 5.6), which a parent may take.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import struct
import termios
from collections.abc import Iterator
from pathlib import Path

_SYS_PIDFD_GETFD = 438
_LAST_DATA_SENT = 44
_LAST_DATA_RECEIVED = 52
"""Offsets in ``struct tcp_info`` (linux/tcp.h) of the milliseconds since data went and came."""

QUIET_MILLISECONDS = 300
"""A connection on which nothing came for so long is not in the middle of sending a request."""


def end_quiet(pid: int, port: int, *, insist: bool) -> bool:
    """Ends the connections to a port of a server on which no request is being sent.

    Args:
        pid: the server.
        port: the local port that they are connected to.
        insist: ends also those whose clients send one request after the other, at the risk that
            one of those is cut off. A long upload is never cut off.

    Returns:
        False where this machine does not let us, and trying again is useless.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        handle = os.pidfd_open(pid)
    except OSError as error:
        return error.errno == errno.ESRCH
    try:
        for descriptor in _sockets(pid):
            duplicate = libc.syscall(_SYS_PIDFD_GETFD, handle, descriptor, 0)
            if duplicate < 0:
                if ctypes.get_errno() in (errno.EPERM, errno.ENOSYS):
                    return False
                continue
            with socket.socket(fileno=duplicate) as connection:
                _end_if_quiet(connection, port, insist)
    finally:
        os.close(handle)
    return True


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


def _end_if_quiet(connection: socket.socket, port: int, insist: bool) -> None:
    try:
        if connection.type != socket.SOCK_STREAM or connection.getsockname()[1] != port:
            return
        connection.getpeername()  # a listening socket has none
        facts = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        (since_sent,) = struct.unpack_from("I", facts, _LAST_DATA_SENT)
        (since_received,) = struct.unpack_from("I", facts, _LAST_DATA_RECEIVED)
        quiet = since_received >= QUIET_MILLISECONDS
        busy = since_sent < QUIET_MILLISECONDS  # requests come, and so do answers
        (unsent,) = struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0" * 4))
        if (quiet or (insist and busy)) and not unsent:
            connection.shutdown(socket.SHUT_RD)
    except (OSError, IndexError):
        return
