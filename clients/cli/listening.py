"""How a stream is heard at a terminal: a line for the words so far, and what Ctrl-C does."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

from repository.cli.naming.program import named

if TYPE_CHECKING:
    from clients.asr.sound import Piece

_CLEAR = "\r\x1b[K"


class StatusLine:
    """A line on standard error that is overwritten; nothing if that is not a terminal."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._stands = False

    def show(self, text: str) -> None:
        """Puts the text there, its end where it is wider than the terminal."""
        if not self._terminal or not (text or self._stands):
            return
        text = named(text)
        width = max(shutil.get_terminal_size().columns - 1, 1)
        sys.stderr.write(_CLEAR + text[-width:])
        sys.stderr.flush()
        self._stands = bool(text)

    def clear(self) -> None:
        """Takes it away, before something else is printed."""
        self.show("")

    close = clear


class Interrupt:
    """Ctrl-C ends the sound, not the program: what was said last is still to come.

    It ends the wait for the next piece at once, and lets an answer that is under way come. The
    second Ctrl-C does what it did before, which raises KeyboardInterrupt.
    """

    def __init__(self) -> None:
        self._waiting = self._wanted = False
        self._before: Any = signal.SIG_DFL

    def __enter__(self) -> Interrupt:
        self._before = signal.signal(signal.SIGINT, self._interrupted)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if self._wanted and callable(self._before):
            self._before(number, frame)
        if self._waiting or self._wanted:
            raise KeyboardInterrupt
        self._wanted = True

    def until(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """The pieces, up to Ctrl-C."""
        iterator = iter(pieces)
        while not self._wanted:
            try:
                self._waiting = True
                piece = next(iterator, None)
                self._waiting = False
            except KeyboardInterrupt:
                self._waiting, self._wanted = False, True
                return
            if piece is None:
                return
            yield piece
