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
"""What such a stage is given beside the inputs of its model."""

Correlation = int | str

MOST = "maximum_sequences"
"""The model's parameter that says how many sequences an instance keeps; without it, as many as
Triton lets begin."""

GIVES_WAY_SECONDS = 5.0
"""A sequence without a request for so long gives way to one that begins when all places are taken.
Live streams send several pieces a second."""


class UnknownSequenceError(ValueError):
    """Nothing is kept of a request's sequence; the client reads this text, one sentence."""


class SequencesFullError(RuntimeError):
    """All places are taken by sequences in use; the client reads this text, one sentence."""


class Sequences:
    """The states of the sequences that a model holds.

    A client that vanishes leaves nothing: a state goes with its sequence's end, after the idle
    time, or when its place is needed. Triton frees the place of a sequence that was left only
    after the idle time, so let it begin many more than are kept here.

    Args:
        most: how many sequences are kept.
        idle_seconds: how long one is kept without a request. Triton, which refuses the later
            ones, counts from a request's arrival: give it time to be answered.
        gives_way_seconds: after how long without a request one gives way to a new one.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        most: int,
        idle_seconds: float,
        *,
        gives_way_seconds: float = GIVES_WAY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._idle = idle_seconds
        # Where Triton has freed a place, which it does in half that time, one is to be had here.
        self._gives_way = min(gives_way_seconds, idle_seconds / 4)
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
        """One request while it is answered: its inputs, and what else the stage is told.

        Args:
            given: the model's own inputs.
            start: the request begins the sequence; what was kept under its id is forgotten.
            end: the request ends the sequence. A first request that is not answered ends it too.
            correlation: the sequence's id.

        Raises:
            UnknownSequenceError: nothing is kept of that sequence.
            SequencesFullError: the sequence begins, and all that are kept are in use.
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
            now = self._clock()
            while self._held and next(iter(self._held.values()))[0] < now - self._idle:
                self._held.popitem(last=False)
            if not start and correlation not in self._held:
                raise UnknownSequenceError(
                    f"sequence {correlation} is not known: it has ended, was refused as it began, "
                    "or was idle for too long; begin a new one with a request that has the start "
                    "flag"
                )
            _, state = self._held.pop(correlation, (0.0, {}))
            if len(self._held) >= self._most:
                if next(iter(self._held.values()))[0] > now - self._gives_way:
                    raise SequencesFullError(
                        f"all places for sequences are in use, {self._most} of them; begin again "
                        "later"
                    )
                self._held.popitem(last=False)
            # Kept while the request runs: a stage may take longer than a sequence may be idle.
            self._held[correlation] = (now, {} if start else state)
            return self._held[correlation][1]
