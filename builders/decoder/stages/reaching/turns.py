"""A request on its way: what it may still take, and how it is stopped from another thread."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Protocol

from .wire import Connection


class Asker(Protocol):
    """Whoever waits for the answer, as far as is of interest here."""

    def cancelled(self) -> bool:
        """Whether it waits no more."""


class Cancelled(Exception):
    """Nobody waits for the answer any more."""


class Turn:
    """A request, from when it is taken up until its end.

    Its thread says what it uses, and until when; another thread looks after it (:meth:`look`).

    Args:
        asker: who is asked whether the request is still wanted.
    """

    def __init__(self, asker: Asker) -> None:
        self._asker: Asker | None = asker
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._stopped = threading.Event()
        self.reason: Exception | None = None
        """What it was stopped for."""
        self._limit: tuple[float, Exception] | None = None

    def look(self) -> None:
        """Stops it if it is cancelled, or took too long."""
        limit = self._limit
        if limit is not None and time.monotonic() > limit[0]:
            self.stop(limit[1])
        elif (asker := self._asker) is not None and asker.cancelled():
            self.stop(Cancelled())

    def end(self) -> None:
        """Its answer is complete; nobody is asked about it any more."""
        self._asker = None

    def stop(self, reason: Exception) -> None:
        """Stops it: its connection is cut, and its thread gets the reason. The first one counts."""
        with self._lock:
            if self.reason is None:
                self.reason = reason
                self._stopped.set()
                if self._connection is not None:
                    self._connection.cut()

    def check(self) -> None:
        """Raises what it was stopped for."""
        if self.reason is not None:
            raise self.reason

    def limit(self, seconds: float, fault: Exception) -> None:
        """From now on it may take so long, or it is stopped for that."""
        self._limit = (time.monotonic() + seconds, fault)

    @property
    def left(self) -> float:
        """Seconds up to its limit."""
        return float("inf") if self._limit is None else self._limit[0] - time.monotonic()

    @contextlib.contextmanager
    def unlimited(self) -> Iterator[None]:
        """While it waits for somebody else than the server, its time stands still."""
        limit, left = self._limit, self.left
        self._limit = None
        try:
            yield
        finally:
            if limit is not None:
                self.limit(left, limit[1])

    def pause(self, seconds: float) -> None:
        """Waits, unless it is stopped; then it raises what for."""
        self._stopped.wait(seconds)
        self.check()

    @contextlib.contextmanager
    def using(self, connection: Connection) -> Iterator[None]:
        """While its thread uses a connection. What it was stopped for is raised in place of what
        the connection says to being cut."""
        with self._lock:
            self._connection = connection
            if self.reason is not None:
                connection.cut()
        try:
            yield
        except Exception:
            self.check()
            raise
        finally:
            with self._lock:
                self._connection = None
