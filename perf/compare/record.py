"""The file that a comparison writes anew after every measurement."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from perf.compare.progress import Progress
from perf.compare.rounds import Board
from perf.errors import PerfError
from perf.result import Result, save


class Interrupted(PerfError):
    """Somebody pressed Ctrl-C; the servers were ended, and what was measured was saved."""


class Record:
    """A result as it grows, and its file.

    Args:
        result: without legs yet.
        path: of the file.
        progress: hears what is measured.

    Attributes:
        result: what is known so far.
    """

    def __init__(self, result: Result, path: Path, progress: Progress) -> None:
        self.result = result
        self._path = path
        self._progress = progress
        self._now = "the start"

    def began(self, what: str, done: int, total: int) -> None:
        """A measurement begins."""
        self._now = what
        self._progress.began(what, done, total)

    def save(self, board: Board) -> None:
        """Writes what is known so far, as an unfinished result."""
        self._save(board, f"it was not over yet after {self._now}")

    def _save(self, board: Board, unfinished: str | None) -> None:
        self.result = self.result.model_copy(
            update={"legs": board.results(), "unfinished": unfinished}
        )
        save(self.result, self._path)

    def add(self, **fields: object) -> None:
        """Sets fields of the result; they are saved with the next measurement."""
        self.result = self.result.model_copy(update=fields)

    @contextlib.contextmanager
    def kept(self, board: Board) -> Iterator[None]:
        """Saves what is known however the block ends, if anything was measured.

        Raises:
            Interrupted: instead of KeyboardInterrupt.
        """
        try:
            yield
        except KeyboardInterrupt:
            if not board.rounds:
                raise Interrupted("Interrupted before anything was measured.") from None
            self._save(board, f"it was interrupted at {self._now}")
            raise Interrupted(
                f"Interrupted at {self._now}; what was measured is in {self._path}."
            ) from None
        except BaseException:
            if board.rounds:
                self._save(board, f"it ended by an error at {self._now}")
            raise
        self._save(board, None)
