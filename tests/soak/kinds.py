"""The kinds of request of the load, and how often each is made."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from tests.soak.inputs import Inputs
from tests.soak.wire import Arrays, Part, Refused, Wire

WEIGHTS: Mapping[str, int] = {
    "ocr": 6,
    "ocr_bls": 4,
    "asr": 4,
    "asr_bls": 3,
    "asr_stream": 3,
    "broken": 2,
    "health": 2,
}
PIPELINES = ("ocr", "ocr_bls", "asr", "asr_bls", "asr_stream")
OVER_HTTP = 0.3
LEFT_OPEN = 0.1
"""The share of streams that are never ended."""

Outcome = tuple[str, object]
"""What was asked, and the answer, which is the same whenever that is asked."""


@dataclass(frozen=True)
class Request:
    """One request, or one stream of them.

    Attributes:
        kind: of :data:`WEIGHTS`.
        http: over HTTP, else gRPC.
        number: of its input, modulo their number.
        left_open: of a stream: it is left before its end.
    """

    kind: str
    http: bool
    number: int
    left_open: bool = False

    def __str__(self) -> str:
        return f"{self.kind}{' (left open)' if self.left_open else ''} over " + (
            "HTTP" if self.http else "gRPC"
        )

    def send(self, wire: Wire, inputs: Inputs, chance: random.Random) -> Iterator[Outcome]:
        """Sends it; gives each answer.

        Raises:
            Refused: an error that the request is not the cause of.
            Lost: no answer.
        """
        if self.kind == "health":
            yield "health", wire.is_live()
        elif self.kind == "broken":
            yield self._send_broken(wire, inputs)
        elif self.kind == "asr_stream":
            yield from self._send_stream(wire, inputs, chance)
        else:
            # An ensemble and its BLS twin have one answer.
            family = self.kind.removesuffix("_bls")
            name, files = {"ocr": ("image", inputs.pages), "asr": ("audio", inputs.sounds)}[family]
            number = self.number % len(files)
            yield f"{family} {number}", wire.infer(self.kind, _file(name, files[number]))

    def _send_broken(self, wire: Wire, inputs: Inputs) -> Outcome:
        number = self.number % len(inputs.broken)
        pipeline, name, content = inputs.broken[number]
        asked = f"broken {number} ({pipeline})"
        try:
            return asked, wire.infer(pipeline, _file(name, content))
        except Refused as refused:
            if refused.code != "INVALID_ARGUMENT":
                raise
            return asked, refused.sentence

    def _send_stream(self, wire: Wire, inputs: Inputs, chance: random.Random) -> Iterator[Outcome]:
        number = self.number % len(inputs.streams)
        stream = inputs.streams[number]
        sequence = chance.getrandbits(62) | 1
        rate = np.array([stream.rate], np.int32)
        pieces = [*stream.pieces(), stream.samples[:0]]
        for place, piece in enumerate(pieces[: 3 if self.left_open else None]):
            part = Part(sequence, start=not place, end=place == len(pieces) - 1)
            answer = wire.infer("asr_stream", {"samples": piece, "sample_rate": rate}, part)
            yield f"asr_stream {number}, piece {place}", answer


def draw(chance: random.Random, weights: Mapping[str, int]) -> Request:
    """A request at random."""
    (kind,) = chance.choices(list(weights), list(weights.values()))
    return Request(
        kind,
        http=chance.random() < OVER_HTTP,
        number=chance.randrange(1000),
        left_open=kind == "asr_stream" and chance.random() < LEFT_OPEN,
    )


def _file(name: str, content: bytes) -> Arrays:
    return {name: np.frombuffer(content, np.uint8)}
