"""Malformed requests over HTTP: sizes, lengths, chunks, packed bodies, lines and headers."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

from tests.fuzz import mutate
from tests.fuzz.case import Case, Outcome, Part
from tests.fuzz.media import images
from tests.fuzz.requests.odd_json import json_body, tensor
from tests.fuzz.requests.raw_http import INFER, exchange, message
from tests.fuzz.target import Target

MODELS = ("ocr", "asr", "asr_stream", "decode_image", "transcribe", "recognise", "ocr_bls")

BYTES = (
    *(b"", b"\1", b"\5\0\0\0ab", b"\xff\xff\xff\xffabcd", b"\0\0\0\0" * 3),
    b"\1\0\0\0a" * 2,
)
"""Tensors of strings whose lengths lie."""

CHUNKS = (
    *(b"-5\r\nab\r\n", b"zz\r\n", b"fffffffffffffffff\r\n", b"5\r\nab", b"0;x=y\r\n\r\n"),
    b"\r\n",
)
"""Chunks that are none."""

PATHS = (
    *("/v2/models/ocr/versions/99/infer", "/v2/models/ocr/versions/x/infer"),
    *("/v2/models/ocr/versions/-1/infer", "/v2/models/ocr/versions/99999999999999999999/infer"),
    *("/v2/models//infer", "/v2/models/../infer", "/v2/models/%00/infer", "/v2/models/é/infer"),
    *("/v2/models/" + "x" * 5000 + "/infer", "/v2/models/ocr/infer?x=" + "y" * 3000),
    *("/", "*", "//", "", "/v2/../../etc/passwd", "/v2/%zz", "http://127.0.0.1/v2", "/metrics"),
    *("/v2/models/ocr/generate", "/v2/models/ocr/stats", "/v2/models/nothere/config"),
    *("/v2/health/live/x", "/v2/models/"),
)
"""Where requests go."""


def binary(random: Random) -> tuple[str, bytes]:
    """Binary tensors whose sizes do not agree."""
    png = images.seeds()["bit.png"]
    said = random.choice(
        (0, 1, -1, len(png) + 1, len(png) - 1, 2**31, 2**63, "5", None, 1.5, len(png))
    )
    shape = random.choice(([len(png)], [0], [len(png) * 2], [1], [2**20]))
    entry = tensor("image", random.choice(("UINT8", "FP32", "BYTES")), shape, binary_data_size=said)
    header = json.dumps({"inputs": [entry] * random.choice((1, 1, 2))}).encode()
    length = random.choice(
        (len(header), len(header), 0, -1, len(header) + 5, 2**40, "x", len(header) - 1)
    )
    tail = random.choice((png, png, b"", png + b"x", png[:-1]))
    path = INFER.format("decode_image")
    return path, message(path, header + tail, ("Inference-Header-Content-Length", length))


def bytes_tensor(random: Random) -> tuple[str, bytes]:
    """BYTES as Triton lays them out, with lengths that lie."""
    contents = (
        b"",
        b"\1",
        b"\5\0\0\0ab",
        b"\xff\xff\xff\xffabcd",
        b"\0\0\0\0" * 3,
        b"\1\0\0\0a" * 2,
    )
    content = random.choice(contents)
    inputs = [
        tensor("samples", "FP32", [4], [0, 0, 0, 0]),
        tensor("sample_rate", "INT32", [1], [16_000]),
        tensor("word_list", "BYTES", [random.choice((0, 1, 2))], binary_data_size=len(content)),
    ]
    header = json.dumps({"inputs": inputs}).encode()
    path = INFER.format("asr")
    return path, message(path, header + content, ("Inference-Header-Content-Length", len(header)))


def chunked(random: Random) -> tuple[str, bytes]:
    """Chunks, fewer and larger than those that end Triton, with sizes that lie."""
    _, text = json_body(random)
    size = random.choice((1, 7, 4096)) if len(text) < 2000 else 4096
    chunks = [text[at : at + size] for at in range(0, len(text), size)][:500]
    lines = [f"{len(each):x}\r\n".encode() + each + b"\r\n" for each in chunks]
    if lines and random.random() < 0.5:
        odd = (
            b"-5\r\nab\r\n",
            b"zz\r\n",
            b"fffffffffffffffff\r\n",
            b"5\r\nab",
            b"0;x=y\r\n\r\n",
            b"\r\n",
        )
        lines.insert(random.randrange(len(lines)), random.choice(odd))
    end = random.choice((b"0\r\n\r\n", b"0\r\n\r\n", b"", b"0\r\nX: y\r\n\r\n"))
    path = INFER.format(random.choice(MODELS))
    headers = [
        ("Transfer-Encoding", random.choice(("chunked", "chunked", "Chunked", "gzip, chunked")))
    ]
    if random.random() < 0.2:
        headers.append(("Content-Length", "5"))
    return path, message(path, b"".join([*lines, end]), *headers)


def packed(random: Random) -> tuple[str, bytes]:
    """Bodies in gzip and deflate: bombs of some megabytes, cut ones, and others under the name."""
    _, text = json_body(random)
    pad = random.choice((0, 0, 10**6, 3 * 10**7))
    encoding = random.choice(("gzip", "deflate"))
    text += b" " * pad
    data = gzip.compress(text) if encoding == "gzip" else zlib.compress(text)
    if random.random() < 0.4:
        data = mutate.blindly(random, data[:20_000])
    path = INFER.format(random.choice(MODELS))
    name = random.choice((encoding, encoding, "gzip", "br", "gzip, gzip"))
    return path, message(path, data, ("Content-Encoding", name), ("Accept-Encoding", encoding))


def lines(random: Random) -> tuple[str, bytes]:
    """Request lines and headers."""
    _, text = json_body(random)
    text = text[:3000]
    path = random.choice(PATHS)
    odd: list[tuple[str, Any]] = [
        ("Content-Type", "x" * 9000), ("X" * 3000, "y"), ("Expect", "100-continue"), ("X", "é\x7f"),
        ("Inference-Header-Content-Length", 2**70), ("Connection", "Upgrade"), ("Upgrade", "h2c"),
        ("Accept-Encoding", "gzip"), ("Authorization", "\x01"), ("Range", "bytes=0-"), ("Host", ""),
    ]  # fmt: skip
    headers = random.sample(odd, random.choice((0, 1, 3))) * random.choice((1, 1, 60))
    method = random.choice(
        ("POST", "POST", "GET", "PUT", "DELETE", "OPTIONS", "X" * 300, "", "TRACE")
    )
    length = random.choice((None, None, 0, len(text) + 1, len(text) - 1, -1, 2**63, "x", ""))
    data = message(path, text, *headers, method=method, length=length)
    if random.random() < 0.3:
        data = mutate.blindly(random, data)
    elif random.random() < 0.1:
        data = data.replace(b"HTTP/1.1", random.choice((b"HTTP/9.9", b"HTTP", b"", b"HTTP/1.0")), 1)
    return path[:60], data


WAYS: tuple[Callable[[Random], tuple[str, bytes]], ...] = (
    binary,
    bytes_tensor,
    chunked,
    packed,
    lines,
)


def request(random: Random) -> Case:
    """One malformed request."""
    if random.random() < 0.4:
        what, text = json_body(random)
        path = INFER.format(what.partition(":")[0])
        data = message(path, text)
    else:
        way = random.choice(WAYS)
        what, data = way(random)
        what = f"{way.__name__} to {what}"

    def send(target: Target) -> list[Outcome]:
        return [exchange(target, data, whole=False)]

    return Case(f"HTTP, {what}", send, data, internal=True)


HTTP = Part("http", 300, request)
