"""What a stage keeps from request to request of one sequence.

A copy lies in the version folder of every model whose requests come in sequences, so it keeps to
Python 3.10 and the standard library.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

START, END = "START", "END"
"""The control inputs by which Triton says that a request begins or ends its sequence."""

SEQUENCE_VALUES = ("start", "end", "correlation", "state")
"""What the inputs of such a stage have besides those of its model."""

Correlation = int | str


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

    def inputs(
        self, given: Mapping[str, Any], *, start: bool, end: bool, correlation: Correlation
    ) -> dict[str, Any]:
        """A request's inputs, with what a stage is told of its sequence.

        Call :meth:`done` when the request was answered.

        Args:
            given: the model's own inputs.
            start: the request begins the sequence; what was kept under its id is forgotten.
            end: it ends it.
            correlation: the sequence's id.

        Raises:
            ValueError: nothing is kept of that sequence.
        """
        now = self._clock()
        with self._lock:
            while self._held and next(iter(self._held.values()))[0] < now - self._idle:
                self._held.popitem(last=False)
            if start:
                self._held.pop(correlation, None)
                while len(self._held) >= self._most:
                    self._held.popitem(last=False)
            elif correlation not in self._held:
                raise ValueError(
                    f"sequence {correlation} is not known: it has ended, or was idle for too "
                    "long; begin a new one with a request that has the start flag"
                )
            state = {} if start else self._held[correlation][1]
            self._held[correlation] = (now, state)
            self._held.move_to_end(correlation)
        values = (start, end, correlation, state)
        return {**given, **dict(zip(SEQUENCE_VALUES, values, strict=True))}

    def done(self, correlation: Correlation, *, end: bool) -> None:
        """Forgets a sequence that has ended, and counts the idle time of one that has not."""
        with self._lock:
            if end:
                self._held.pop(correlation, None)
            elif correlation in self._held:
                self._held[correlation] = (self._clock(), self._held[correlation][1])
                self._held.move_to_end(correlation)
