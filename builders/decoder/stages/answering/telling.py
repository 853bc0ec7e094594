"""An answer's tokens, told as text: in pieces as they come, or in one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

import numpy as np

from ..writing.pieces import Pieces
from ..writing.stops import Stops

STOP, LENGTH = b"stop", b"length"
"""Why an answer ended: by a token or a text that ends it, or since it may have no more tokens."""


class Answer(Protocol):
    """Where an answer goes: see :class:`builders.kit.graph.PythonModel`."""

    def send(self, outputs: Mapping[str, np.ndarray]) -> None:
        """Gives a piece."""

    def end(self, outputs: Mapping[str, np.ndarray] | None = None) -> None:
        """Gives the last piece."""

    def fail(self, problem: BaseException) -> None:
        """Ends it with an error."""

    def cancelled(self) -> bool:
        """Whether nobody waits for it any more."""


class Telling:
    """The answer to a request.

    Args:
        prompt: tokens of the prompt.
        most: tokens of the answer.
        eos: tokens that end it.
        pieces: makes text of tokens.
        stops: ends the text.
        stream: whether pieces are sent as they come.
        answer: where the text goes.
    """

    def __init__(
        self,
        prompt: int,
        most: int,
        eos: Collection[int],
        pieces: Pieces,
        stops: Stops,
        stream: bool,
        answer: Answer,
    ) -> None:
        self._prompt, self._most, self._eos = prompt, most, eos
        self._pieces, self._stops = pieces, stops
        self._stream, self._answer = stream, answer
        self._generated = 0
        self._text: list[str] = []
        self.cached = 0
        """Tokens of the prompt that were in a cache."""

    def took(self, token: int) -> bool:
        """A token was generated; false if it is the last, and the answer is ended."""
        self._generated += 1
        if token in self._eos:
            self.ended()
            return False
        text = self._stops.take(self._pieces.take(token))
        last = self._generated == self._most
        if last:
            text += self._stops.take(self._pieces.end())
        if last or self._stops.stopped:
            self._end(text, STOP if self._stops.stopped else LENGTH)
            return False
        if self._stream and text:
            self._answer.send(self._outputs(text, b""))
        elif text:
            self._text.append(text)
        return True

    def ended(self) -> None:
        """No further token comes."""
        self._end(self._stops.take(self._pieces.end()), STOP)

    def failed(self, error: BaseException) -> None:
        """It cannot go on."""
        self._answer.fail(error)

    def cancelled(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self._answer.cancelled()

    def _end(self, text: str, reason: bytes) -> None:
        rest = "".join(self._text) + text + self._stops.end()
        self._answer.end(self._outputs(rest, reason))

    def _outputs(self, text: str, reason: bytes) -> dict[str, np.ndarray]:
        numbers = {
            "prompt_tokens": self._prompt,
            "cached_tokens": self.cached,
            "completion_tokens": self._generated,
        }
        texts = {"text_output": text.encode(), "finish_reason": reason}
        return {name: np.array([value], np.object_) for name, value in texts.items()} | {
            name: np.array([value], np.int32) for name, value in numbers.items()
        }
