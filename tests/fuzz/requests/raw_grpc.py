"""gRPC that no client library would write: frames of HTTP/2 over a socket, and odd messages."""

from __future__ import annotations

import gzip
import socket
import struct
import time
from collections.abc import Sequence
from random import Random

from tests.fuzz import mutate
from tests.fuzz.case import LONGEST_SECONDS, Case, Outcome, Part
from tests.fuzz.requests.odd_proto import method_and_message
from tests.fuzz.target import Target

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, END_HEADERS = 1, 4

QUIET_SECONDS = 0.5
"""A server that says no more for so long has said what it has to say to such frames."""

SERVICE = "/inference.GRPCInferenceService/"

WAYS = (
    *("path", "timeout", "encoding", "bomb", "length", "flag", "cut", "many", "large", "none"),
    *("stream", "type", "method", "open", "header", "split"),
)
"""What may be wrong in a call's frames."""


def frame(kind: int, flags: int, stream: int, payload: bytes, length: int | None = None) -> bytes:
    """A frame; its length may lie."""
    said = len(payload) if length is None else length
    return struct.pack(">I", said)[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def header_block(headers: Sequence[tuple[str, str]]) -> bytes:
    """HPACK, each field a literal that is not indexed."""
    block = b""
    for name, value in headers:
        block += b"\0"
        for text in (name.encode(), value.encode("latin-1", "replace")):
            if len(text) < 127:
                block += bytes((len(text),)) + text
            else:
                rest, size = len(text) - 127, b"\x7f"
                while rest >= 128:
                    size += bytes((rest & 127 | 128,))
                    rest >>= 7
                block += size + bytes((rest,)) + text
    return block


def call(random: Random, method: str, message: bytes) -> tuple[str, bytes]:
    """The frames of one call, something in them wrong."""
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": SERVICE + method,
        ":authority": "127.0.0.1",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    prefix = struct.pack(">BI", 0, len(message))
    stream, end = 1, END_STREAM
    what = random.choice(WAYS)
    if what == "path":
        headers[":path"] = random.choice(("", "/", "*", "/x/y", SERVICE, SERVICE + "x" * 5000))
    elif what == "timeout":
        headers["grpc-timeout"] = random.choice(("", "1", "-1S", "99999999999H", "0n", "1x"))
    elif what == "encoding":
        headers["grpc-encoding"] = random.choice(("gzip", "br", "", "identity, gzip", "x" * 3000))
        prefix = b"\1" + prefix[1:]
    elif what == "bomb":
        headers["grpc-encoding"] = "gzip"
        message = gzip.compress(message + bytes(3 * 10**7))
        prefix = struct.pack(">BI", 1, len(message))
    elif what == "length":
        sizes = (0, 1, len(message) + 1, 2**31, 2**32 - 1)
        prefix = struct.pack(">BI", 0, random.choice(sizes))
    elif what == "flag":
        prefix = bytes((random.choice((1, 2, 255)),)) + prefix[1:]
    elif what == "cut":
        message = message[: random.randrange(len(message) + 1)]
    elif what == "large":
        headers["x"] = "y" * random.choice((8000, 17_000))
    elif what == "none":
        del headers[random.choice(list(headers))]
    elif what == "stream":
        stream = random.choice((0, 2, 2**31 - 1))
    elif what == "type":
        headers["content-type"] = random.choice(("text/html", "application/grpc+json", ""))
    elif what == "method":
        headers[":method"] = random.choice(("GET", "PUT", "", "POST\0"))
    elif what == "open":
        end = 0
    elif what == "header":
        headers[random.choice(("X", "a b", "grpc-", ":odd", "x-bin"))] = random.choice(
            ("\0", "é", "!")
        )
    content = prefix + message
    count = 40 if what == "many" else 1
    frames = b""
    for number in range(count):
        one = stream + 2 * number
        frames += frame(HEADERS, END_HEADERS, one, header_block(list(headers.items())))
        size = 1 if what == "split" and len(content) < 500 else 16_000
        pieces = [content[at : at + size] for at in range(0, len(content), size)] or [b""]
        for index, piece in enumerate(pieces):
            frames += frame(DATA, end if index == len(pieces) - 1 else 0, one, piece)
        if what == "many":  # a call taken back at once
            frames += frame(RST, 0, one, struct.pack(">I", 8))
    return f"{what} of {method}", PREFACE + frame(SETTINGS, 0, 0, b"") + frames


def frames(random: Random) -> tuple[str, bytes]:
    """Frames that are no call, or break the rules of the connection."""
    start = PREFACE + frame(SETTINGS, 0, 0, b"")
    block = header_block([(":method", "POST"), (":path", SERVICE + "ServerLive")])
    odd = {
        "settings of 5 bytes": PREFACE + frame(SETTINGS, 0, 0, b"12345"),
        "settings of a stream": PREFACE + frame(SETTINGS, 0, 1, b""),
        "settings of all kinds": PREFACE
        + frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", k, 2**32 - 1) for k in range(20))),
        "data of no stream": start + frame(DATA, 0, 0, b"x"),
        "data of a stream that is not open": start + frame(DATA, 1, 5, b"x"),
        "a frame too large": start + frame(DATA, 0, 1, b"x" * 20_000),
        "a length that lies": start + frame(HEADERS, 4, 1, block, length=2**24 - 1),
        "broken HPACK": start + frame(HEADERS, 5, 1, random.randbytes(60)),
        "an index that is not there": start + frame(HEADERS, 5, 1, b"\xff\xff\xff\xff\x0f"),
        "headers that are continued": start
        + frame(HEADERS, 0, 1, block)
        + b"".join(frame(CONTINUATION, 0, 1, b"") for _ in range(300)),
        "a continuation of nothing": start + frame(CONTINUATION, 4, 1, block),
        "a window of 0": start + frame(WINDOW, 0, 0, bytes(4)),
        "a window too large": start + frame(WINDOW, 0, 0, b"\x7f\xff\xff\xff") * 3,
        "a priority of itself": start + frame(PRIORITY, 0, 1, struct.pack(">IB", 1, 0)),
        "a promise": start + frame(PUSH, 4, 1, bytes(4) + block),
        "pings": start + frame(PING, 0, 0, b"12345678") * 400,
        "a ping of 3 bytes": start + frame(PING, 0, 0, b"123"),
        "a farewell": start + frame(GOAWAY, 0, 0, bytes(8) + b"x" * 3000),
        "an unknown frame": start + frame(77, 255, 2**31 - 1, b"x" * 300),
        "HTTP/1.1": b"GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n",
        "TLS": bytes.fromhex("160301020001000001fc0303") + random.randbytes(100),
        "noise": random.randbytes(2000),
        "noise behind the preface": start + random.randbytes(2000),
        "half a preface": PREFACE[:10],
        "nothing": b"",
    }
    name = random.choice(sorted(odd))
    data = odd[name]
    if random.random() < 0.25:
        data = data[:24] + mutate.blindly(random, data[24:])
    return name, data


def pour(target: Target, data: bytes) -> Outcome:
    """Sends bytes to the gRPC port and reads until the server closes, or says no more."""
    host, _, port = target.server.grpc.rpartition(":")
    began = time.monotonic()
    said = b""
    with socket.create_connection((host, int(port)), timeout=LONGEST_SECONDS) as connection:
        try:
            connection.sendall(data)
            connection.settimeout(QUIET_SECONDS)
            while len(said) < 2**20 and (piece := connection.recv(65536)):
                said += piece
        except OSError:  # silence, or a connection that was reset
            pass
    text = said.decode("latin-1")
    inside = [mark for mark in ("Traceback", ".py", "/work", "/home", "/tmp") if mark in text]
    wrong = f"it said {inside}" if inside else ""
    return Outcome("closed", seconds=time.monotonic() - began, wrong=wrong)


def over_socket(random: Random) -> Case:
    """Frames that are malformed."""
    if random.random() < 0.5:
        what, data = frames(random)
    else:
        what, data = call(random, *method_and_message(random))
    return Case(f"HTTP/2, {what}", lambda target: [pour(target, data)], data, internal=True)


FRAMES = Part("frames", 200, over_socket)
