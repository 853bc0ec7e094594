"""An answer of a decoder, piece by piece."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

import tritonclient.grpc as grpc

from clients.connection.stream import Stream


@dataclass(frozen=True)
class Piece:
    """A piece of an answer.

    Attributes:
        text: what was added; whole characters.
        finish_reason: ``stop`` or ``length`` in the last piece, empty before.
        prompt_tokens: tokens of the messages and images.
        cached_tokens: how many of those the server had computed before.
        completion_tokens: tokens of the answer up to here.
    """

    text: str
    finish_reason: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0


class Answer(Iterator[Piece]):
    """The pieces of an answer, as they come.

    Args:
        results: what the server answers.

    Raises:
        clients.connection.errors.RequestError: it was refused, or no answer came, or not all of it.
    """

    def __init__(self, results: Stream) -> None:
        self._results = results
        # A decoder of another maker may cut a piece within a character.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def __next__(self) -> Piece:
        result = next(self._results)
        reason = _bytes(result, "finish_reason").decode("utf-8", "replace")
        return Piece(
            self._decoder.decode(_bytes(result, "text_output"), final=bool(reason)),
            reason,
            _count(result, "prompt_tokens"),
            _count(result, "cached_tokens"),
            _count(result, "completion_tokens"),
        )

    def close(self) -> None:
        """Cancels it, if it has not come to its end; any thread may."""
        self._results.close()


def _bytes(result: grpc.InferResult, name: str) -> bytes:
    found = result.as_numpy(name)
    return b"" if found is None else b"".join(found.reshape(-1).tolist())


def _count(result: grpc.InferResult, name: str) -> int:
    """A number of tokens; 0 from a decoder that does not count."""
    found = result.as_numpy(name)
    return int(found.reshape(-1)[-1]) if found is not None and found.size else 0
