"""Requests that are known to end Triton 24.10 itself, before any model of ours sees them.

They are kept apart by name, and no campaign sends them: the server would be gone, and with it what
the campaign is about. ``runtime serve`` starts a server that ended again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.fuzz.requests.raw_http import INFER, message


@dataclass(frozen=True)
class Known:
    """A request that ends the server.

    Attributes:
        name: of the fault.
        reason: what happens in Triton.
        signal: that ends it.
        request: the bytes to send to its HTTP port; None where it goes over gRPC.
    """

    name: str
    reason: str
    signal: str
    request: Callable[[], bytes] | None


def _infer(model: str, body: str) -> bytes:
    return message(INFER.format(model), body.encode())


def _shape(shape: str, data: str = "[1]") -> Callable[[], bytes]:
    entry = f'{{"name": "image", "datatype": "UINT8", "shape": {shape}, "data": {data}}}'
    return lambda: _infer("decode_image", f'{{"inputs": [{entry}]}}')


def _chunks() -> bytes:
    headers = ("Transfer-Encoding", "chunked")
    return message(INFER.format("ocr"), b"1\r\n \r\n" * 600_000 + b"0\r\n\r\n", headers)


KNOWN: tuple[Known, ...] = (
    *(
        Known(
            f"a JSON body that declares the shape {shape}",
            "room is made for what is declared before the data is looked at",
            "SIGABRT",
            _shape(shape),
        )
        for shape in (
            *("[4611686018427387904]", "[9223372036854775807]", "[1099511627776]"),
            str([3] * 50),
        )
    ),
    Known(
        "a classification of an output of strings, over HTTP",
        "it divides by the size of an element, and texts have none",
        "SIGFPE",
        None,
    ),
    Known("class_count beside an output of strings, over gRPC", "the same", "SIGFPE", None),
    Known(
        "JSON nested three million deep",
        "what reads the body calls itself for each level, and nothing bounds that",
        "SIGSEGV",
        lambda: _infer("ocr", "[" * 3_000_000),
    ),
    Known(
        "data nested 38,000 deep",
        "what counts the elements calls itself for each level",
        "SIGSEGV",
        _shape("[1]", "[" * 38_000 + "1" + "]" * 38_000),
    ),
    Known(
        "a chunked body of 600,000 chunks of a byte",
        "known upstream, as server#8770",
        "SIGSEGV",
        _chunks,
    ),
    Known(
        "images of hundreds of megabytes, or a message of 1.9 GB",
        "nothing bounds a request: its copies stay in the pools until memory runs out",
        "SIGKILL",
        None,
    ),
)
