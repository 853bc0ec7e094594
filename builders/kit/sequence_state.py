"""What a stage keeps from request to request of one sequence.

A copy lies in the version folder of every model whose requests come in sequences, so it keeps to
Python 3.10 and the standard library.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

START, END = "START", "END"
"""The control inputs by which Triton says that a request begins or ends its sequence."""

SEQUENCE_VALUES = ("start", "end", "correlation", "state")
"""What the inputs of such a stage have besides those of its model."""

Correlation = int | str


class UnknownSequenceError(ValueError):
    """Nothing is kept of a request's sequence; the client reads this text, one sentence."""


class Sequences:
    """The states of the sequences that a model holds.

    A client that vanishes leaves nothing: a state goes with its sequence's end, after the idle
    time, or when as many others as the model may hold were used since.

    Args:
        most: how many sequences are kept.
        idle_seconds: how long one is kept without a request. Triton, which refuses the later
            ones, counts from a request's arrival: give it time to be answered.
        clock: seconds that only grow.
    """

    def __init__(
        self, most: int, idle_seconds: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._idle = idle_seconds
        self._clock = clock
        self._lock = threading.Lock()
        # By correlation id, the least recently used first: when it was used, and the state.
        self._held: OrderedDict[Correlation, tuple[float, dict[str, Any]]] = OrderedDict()

    def __len__(self) -> int:
        """How many sequences are held."""
        return len(self._held)

    @contextlib.contextmanager
    def request(
        self, given: Mapping[str, Any], *, start: bool, end: bool, correlation: Correlation
    ) -> Iterator[dict[str, Any]]:
        """One request, while it is answered: its inputs, with what a stage is told besides.

        Args:
            given: the model's own inputs.
            start: the request begins the sequence; what was kept under its id is forgotten.
            end: it ends it. So does a request that begins it and is not answered.
            correlation: the sequence's id.

        Raises:
            UnknownSequenceError: nothing is kept of that sequence.
        """
        state = self._state(correlation, start)
        values = (start, end, correlation, state)
        kept = not end and not start
        try:
            yield {**given, **dict(zip(SEQUENCE_VALUES, values, strict=True))}
            kept = not end
        finally:
            with self._lock:
                self._held.pop(correlation, None)
                if kept:
                    self._held[correlation] = (self._clock(), state)

    def _state(self, correlation: Correlation, start: bool) -> dict[str, Any]:
        with self._lock:
            oldest = self._clock() - self._idle
            while self._held and next(iter(self._held.values()))[0] < oldest:
                self._held.popitem(last=False)
            if not start and correlation not in self._held:
                raise UnknownSequenceError(
                    f"sequence {correlation} is not known: it has ended, was refused as it began, "
                    "or was idle for too long; begin a new one with a request that has the start "
                    "flag"
                )
            _, state = self._held.pop(correlation, (0.0, {}))
            while len(self._held) >= self._most:
                self._held.popitem(last=False)
            # Kept while the request runs: a stage may take longer than a sequence may be idle.
            self._held[correlation] = (self._clock(), {} if start else state)
            return self._held[correlation][1]
