"""Ctrl-C in a conversation: it stops what is under way, and not the conversation."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, Self, TypeVar

from clients.chat.answer import Answer, Piece
from clients.errors import ClientError

T = TypeVar("T")

_LOOK = 0.1
"""Seconds after which Ctrl-C is noticed at the latest. The kernel may give the signal to another
thread, and then what this one waits for is not interrupted."""


class Stopped(ClientError):
    """Ctrl-C came while something was waited for."""

    def __init__(self) -> None:
        super().__init__("stopped by Ctrl-C")


class Stop:
    """Raises :class:`Stopped` in what is called by it, and nowhere else.

    A second Ctrl-C, while the first one's work is being ended, does nothing. If SIGINT is ignored,
    as in a shell's background job, it stays so.
    """

    def __init__(self) -> None:
        self._raises = False
        self._wanted = False
        # Its `put` may be called by a signal's handler in the midst of its `get`.
        self._came: SimpleQueue[Piece | BaseException | None] = SimpleQueue()
        self._before: Any = signal.SIG_IGN

    def __enter__(self) -> Self:
        self._before = signal.getsignal(signal.SIGINT)
        if self._before is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._interrupted)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def call(self, function: Callable[[], T]) -> T:
        """What a function answers that waits for a person.

        Raises:
            Stopped: Ctrl-C came first.
        """
        self._wanted = False
        try:
            try:
                self._raises = True
                return function()
            finally:
                self._raises = False
        except KeyboardInterrupt:
            raise Stopped from None

    def each(self, answer: Answer) -> Iterator[Piece]:
        """The pieces of an answer as they come.

        A thread of its own waits for them: an interrupt within gRPC's code may leave a lock taken.
        It ends when the answer is closed, if not before.

        Raises:
            Stopped: Ctrl-C came, while one was waited for or since the last :meth:`call`.
            RequestError: as the answer.
        """
        self._came = came = SimpleQueue[Piece | BaseException | None]()

        def wait() -> None:
            try:
                for piece in answer:
                    came.put(piece)
                came.put(None)
            except BaseException as problem:
                came.put(problem)

        threading.Thread(target=wait, name="answer", daemon=True).start()
        while not self._wanted:
            try:
                found = came.get(timeout=_LOOK)
            except Empty:
                continue
            if found is None:
                break
            if isinstance(found, BaseException):
                raise found
            yield found
        if self._wanted:
            raise Stopped

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        self._wanted = True
        self._came.put(None)
        if self._raises:
            # Once: what ends the call must not be ended itself.
            self._raises = False
            raise KeyboardInterrupt
