"""How much work a template may do: a budget that everything it does is taken from.

A unit is about what the interpreter does in a tenth of a microsecond: a step, an element of a list,
64 characters of a text. What a template makes costs units too, so they bound its memory. As some
work takes longer than it costs, there is a bound of time besides.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator
from contextvars import ContextVar
from typing import Any

DEPTH = 64
"""Lists in lists. Python hashes tuples by recursion, with no bound of its own."""

_CHARACTERS = 6
"""Two to the power of this: characters of a unit, and bits of a number."""

_LOOK = 64
"""After so many steps, and at each that costs as many units, the time is looked at."""

_LISTS: Any = (list, tuple, type({}.keys()), type({}.values()), type({}.items()))


class TooMuchWork(Exception):
    """The budget is used up."""


class Meter:
    """A budget, for one thread.

    Args:
        units: what there is.
        seconds: of the processor's time, from now on.
    """

    __slots__ = ("_end", "_steps", "left")

    def __init__(self, units: int, seconds: float) -> None:
        self.left = units
        self._steps = 0
        self._end = time.thread_time() + seconds

    def take(self, units: int) -> None:
        """Takes units.

        Raises:
            TooMuchWork: there are fewer, or the time is over.
        """
        self.left -= units
        if self.left < 0:
            raise TooMuchWork
        self._steps += 1
        if self._steps >= _LOOK or units >= _LOOK:
            self._steps = 0
            if time.thread_time() > self._end:
                raise TooMuchWork

    def text(self, characters: int) -> None:
        """Takes what so many characters cost."""
        self.take(1 + (characters >> _CHARACTERS))

    def read(self, value: Any, depth: int = 0) -> None:
        """Takes what it costs to read a value to its depths, as comparing and printing do.

        A list that another one contains several times costs as much as it takes to print it.
        """
        if isinstance(value, str):
            self.text(len(value))
        elif isinstance(value, dict):
            self._elements(value, depth)
            self._elements(value.values(), depth)
        elif isinstance(value, _LISTS):
            self._elements(value, depth)
        elif isinstance(value, int):
            self.text(value.bit_length())
        else:
            self.take(1)

    def _elements(self, values: Collection[Any], depth: int) -> None:
        if depth > DEPTH:
            raise TooMuchWork
        self.take(1 + len(values))
        for each in values:
            self.read(each, depth + 1)


_METER: ContextVar[Meter] = ContextVar("meter")


def meter() -> Meter:
    """The budget of what runs here."""
    return _METER.get()


@contextlib.contextmanager
def metered(units: int, seconds: float) -> Iterator[Meter]:
    """A budget for what runs inside."""
    made = Meter(units, seconds)
    token = _METER.set(made)
    try:
        yield made
    finally:
        _METER.reset(token)
