"""Runs a streamed stage's engine in this process: one request, and all pieces of its answer.

The pieces of an output are joined along its first axis, as clients do it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from repository.arrays import Arrays, joined
from repository.copied.stream_engine import Call, Host, Streaming

_LOG = logging.getLogger(__name__)


class Collecting:
    """A streamed stage's engine, asked for whole answers.

    Args:
        name: the model's.
        prepare: makes the engine.
        call: runs a declared model; None if none is declared.
        outputs: the names of the model's outputs, which every piece has.
    """

    def __init__(
        self,
        name: str,
        prepare: Callable[[Host], Any],
        call: Call | None,
        outputs: Sequence[str],
    ) -> None:
        self._outputs = outputs
        self._streaming = Streaming(name, prepare, _Here(name, call))

    def run(self, inputs: Arrays) -> Arrays:
        """One request; several threads may ask at once.

        Returns:
            The outputs; of one without any piece nothing is there.

        Raises:
            BaseException: what ended the answer.
        """
        answer = _Collected(self._outputs)
        self._streaming.begin(inputs, answer)
        answer.ended.wait()
        if answer.problem is not None:
            raise answer.problem
        return joined(answer.pieces)

    def close(self) -> None:
        """Ends the engine; requests that it has not answered fail."""
        self._streaming.close()


class _Collected:
    """Keeps one answer: a :class:`repository.copied.stream_engine.Sink`."""

    def __init__(self, outputs: Sequence[str]) -> None:
        self.pieces: list[Arrays] = []
        self.problem: BaseException | None = None
        self.ended = threading.Event()
        self._outputs = outputs

    def deliver(self, outputs: Arrays | None, *, final: bool) -> None:
        if outputs is not None:
            self.pieces.append({name: outputs[name] for name in self._outputs})
        if final:
            self.ended.set()

    def refuse(self, problem: BaseException) -> None:
        self.problem = problem
        self.ended.set()

    def is_cancelled(self) -> bool:
        return False


class _Here:
    """What this process does for an engine; metrics are kept by the engine's own objects."""

    def __init__(self, name: str, call: Call | None) -> None:
        self.call = call
        self._name = name

    def log_error(self, text: str) -> None:
        _LOG.error("%s: %s", self._name, text)

    def metric(self, kind: str, name: str, words: str) -> Callable[[float], None]:
        return lambda _: None
