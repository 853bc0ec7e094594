"""An answer on its way to our client: chunks in, responses with whole characters and counts out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from .chunks import MOST_TOKENS, Chunk, Usage
from .faults import RemoteFault

EVENTS = 4
"""Events for each token that was asked for, at most: a token is one event, or shares one."""

CHARACTERS = 1024
"""Characters of a token, at most: the longest in use are of spaces, a hundred or two."""

BYTES = 4096
"""Bytes of the events of a token, at most, and of what stands between them."""

SLACK = 4096
"""Events and characters beyond that, and 256 times as many bytes: of the role, the counts …"""


class Answer(Protocol):
    """Where the responses go; see :class:`builders.kit.graph.PythonModel`."""

    def send(self, outputs: Mapping[str, np.ndarray]) -> None:
        """A response that is not the last."""

    def end(self, outputs: Mapping[str, np.ndarray] | None = None) -> None:
        """The last response."""

    def fail(self, error: BaseException) -> None:
        """An error in place of the last response."""

    def cancelled(self) -> bool:
        """Whether nobody waits for it any more."""


class Reply:
    """What came of an answer until now.

    Args:
        answer: where the responses go.
        stream: a response for what came, whenever :meth:`flush` is called; or all in one.
        most: tokens that were asked for.
    """

    def __init__(self, answer: Answer, *, stream: bool, most: int) -> None:
        self._answer = answer
        self._stream = stream
        self._most = most
        self._events = 0
        self._characters = 0
        self._bytes = 0
        self._counted = 0
        self._text: list[str] = []
        self._half = ""
        self._usage: Usage | None = None
        self.finish = ""
        """"stop" or "length", once the answer is complete."""

    @property
    def begun(self) -> bool:
        """Whether a token of the answer came, so that it cannot be asked for again."""
        return self._counted > 0 or bool(self.finish)

    @property
    def complete(self) -> bool:
        """Whether the text and the counts are there."""
        return bool(self.finish) and self._usage is not None

    @property
    def usage(self) -> Usage:
        """The counts of tokens; what the server did not tell is counted in events."""
        return self._usage or Usage(0, 0, min(self._counted, MOST_TOKENS))

    def weigh(self, size: int) -> None:
        """Counts bytes that came.

        Raises:
            RemoteFault: they are far more than an answer has.
        """
        self._bytes += size
        if self._bytes > BYTES * self._most + 256 * SLACK:
            raise _too_much()

    def add(self, chunk: Chunk) -> None:
        """Adds a part.

        Raises:
            RemoteFault: it goes on after its end, or is more than was asked for.
        """
        if self.finish and (chunk.text or chunk.thought):
            raise RemoteFault("went on after the end of its answer")
        self._events += 1
        self._characters += len(chunk.text)
        if (
            self._events > EVENTS * self._most + SLACK
            or self._characters > CHARACTERS * self._most + SLACK
        ):
            raise _too_much()
        if chunk.text or chunk.thought:
            self._counted += 1
        if chunk.text:
            self._text.append(chunk.text)
        self.finish = chunk.finish or self.finish
        self._usage = chunk.usage or self._usage

    def flush(self) -> None:
        """Sends what came, if the client wants a stream and there is something."""
        if self._stream and self._text:
            text = self._whole()
            if text:
                self._answer.send(self._outputs(text, ""))

    def end(self) -> None:
        """Sends the last response."""
        text = self._whole() + ("\ufffd" if self._half else "")
        self._answer.end(self._outputs(text, self.finish))

    def _whole(self) -> str:
        """What came since it was last called, up to the last whole character.

        JSON may write a character as two escapes, of which each is half of it, and a server may cut
        between them.
        """
        text = self._half + "".join(self._text)
        self._text, self._half = [], ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def _outputs(self, text: str, finish: str) -> dict[str, np.ndarray]:
        usage = self.usage
        return {
            "text_output": np.array([text.encode()], np.object_),
            "finish_reason": np.array([finish.encode()], np.object_),
            "prompt_tokens": np.array([usage.prompt], np.int32),
            "cached_tokens": np.array([usage.cached], np.int32),
            "completion_tokens": np.array([usage.generated], np.int32),
        }


def _too_much() -> RemoteFault:
    return RemoteFault("answered with far more than was asked for")
