"""Which of Triton's protocols a port speaks, asked when a request to it has failed."""

from __future__ import annotations

import socket

SECONDS = 1.0
"""How long to wait for a port to say something."""

_HTTP2_SETTINGS = 4
"""The type of the frame with which a server of gRPC begins, unasked (RFC 9113, 6.5)."""


def speaks_http(host: str, port: int) -> bool:
    """Whether an HTTP/1.1 server answers there, as Triton's HTTP and metrics ports do."""
    request = f"GET /v2/health/live HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    return _said(host, port, request.encode("ascii", "replace"), 5) == b"HTTP/"


def speaks_grpc(host: str, port: int) -> bool:
    """Whether an HTTP/2 server answers there without TLS, as Triton's gRPC port does."""
    frame = _said(host, port, b"", 4)
    return len(frame) == 4 and frame[3] == _HTTP2_SETTINGS


def _said(host: str, port: int, request: bytes, count: int) -> bytes:
    """The first bytes that come back; fewer if the connection ends, or nothing comes in time."""
    found = b""
    try:
        with socket.create_connection((host, port), timeout=SECONDS) as connection:
            if request:
                connection.sendall(request)
            while len(found) < count and (more := connection.recv(count - len(found))):
                found += more
    except (OSError, UnicodeError):
        pass
    return found
