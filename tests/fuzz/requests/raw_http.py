"""HTTP that no client library would write, over a socket of its own."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

from tests.fuzz.case import LONGEST_SECONDS, Outcome
from tests.fuzz.target import Target

INFER = "/v2/models/{}/infer"
MODELS = (
    "ocr",
    "asr",
    "asr_stream",
    "decode_image",
    "transcribe",
    "recognise",
    "ocr_bls",
    "orient",
)

SILENT_SECONDS = 3.0
"""How long a server may say nothing to a request that is not whole: it waits for the rest."""


def exchange(target: Target, data: bytes, *, whole: bool = True) -> Outcome:
    """Sends bytes and reads one answer.

    Args:
        target: the server.
        data: what is sent.
        whole: whether the server has all that it was told of; else it may wait for more.
    """
    host, _, port = target.server.http.rpartition(":")
    began = time.monotonic()
    patience = LONGEST_SECONDS if whole else SILENT_SECONDS
    with socket.create_connection((host, int(port)), timeout=patience) as connection:
        try:
            connection.sendall(data)
            if not whole:
                connection.shutdown(socket.SHUT_WR)
            answer = _read(connection)
        except TimeoutError:
            wrong = f"no answer in {patience} s" if whole else ""
            return Outcome("closed", seconds=time.monotonic() - began, wrong=wrong)
        except OSError:
            answer = b""
    seconds = time.monotonic() - began
    status, _, rest = answer.partition(b"\r\n")
    body = rest.partition(b"\r\n\r\n")[2]
    if not status.startswith(b"HTTP/1."):
        return Outcome("closed", seconds=seconds)
    code = status.split(b" ")[1].decode("latin-1")
    if code == "200":
        return Outcome("answered", seconds=seconds)
    text = body.decode("utf-8", "replace")
    try:
        text = str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        text = text if not text.startswith("<HTML>") else "a page of the HTTP library"
    return Outcome("refused", code, text, seconds)


def _read(connection: socket.socket) -> bytes:
    """The first answer of a connection, as far as it comes."""
    answer = b""
    while data := connection.recv(65536):
        answer += data
        head, end, body = answer.partition(b"\r\n\r\n")
        if not end or head.startswith(b"HTTP/1.1 100"):
            continue
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:") and len(body) >= int(line[15:]):
                return answer
    return answer


def message(
    path: str, body: bytes, *headers: tuple[str, Any], method: str = "POST", length: Any = None
) -> bytes:
    """A request: its line, its headers and its body, however little they fit together."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if not any(name.lower() == "transfer-encoding" for name, _ in headers):
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body
