"""An answer that comes in pieces, which any thread may give up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator

from tritonclient.grpc import InferResult

from clients.connection.errors import RequestError
from clients.connection.streaming import Call


class Calls:
    """The calls of one request, each after the one before was cut off.

    Args:
        make: sends the request; it is told how many seconds are left.
    """

    def __init__(self, make: Callable[[float], Call]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._call: Call | None = None
        self._cancelled = False

    def begin(self, left: float) -> InferResult | None:
        """Sends it; the first piece, or None, as :meth:`Call.next`."""
        with self._lock:
            if self._cancelled:
                return None
            self._call = self._make(left)
        return self.next()

    def next(self) -> InferResult | None:
        """The next piece; as :meth:`Call.next`."""
        assert self._call is not None
        return self._call.next()

    def cancel(self) -> None:
        """Ends the request, and sends no further one."""
        with self._lock:
            self._cancelled = True
            if self._call is not None:
                self._call.cancel()


class Stream(Iterator[InferResult]):
    """The pieces of an answer, as they come.

    Args:
        pieces: gives them, and cancels the calls at its end.
        calls: of the request.
    """

    def __init__(self, pieces: Generator[InferResult], calls: Calls) -> None:
        self._pieces = pieces
        self._calls = calls
        self._closed = False

    def __next__(self) -> InferResult:
        try:
            return next(self._pieces)
        except RequestError:
            if self._closed:
                raise StopIteration from None
            raise

    def close(self) -> None:
        """Cancels the request, if the answer has not come to its end; any thread may.

        A thread that waits for a piece learns that there is none.
        """
        self._closed = True
        self._calls.cancel()
