"""An answer in a terminal or a pipe: as it comes, and without what would steer a terminal."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import unicodedata
from types import TracebackType
from typing import Self

import typer

from repository.errors import KitError

_REORDER = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that turn round what stands beside them, also beyond the answer."""


def escaped(text: str) -> str:
    """A text whose control characters are written out, as ``\\x1b``; lines and tabs stay."""
    if text.isprintable():
        return text
    return "".join(ascii(each)[1:-1] if _steers(each) else each for each in text)


def _steers(character: str) -> bool:
    if character in "\n\t":
        return False
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _REORDER


class Written:
    """Writes an answer to standard output, piece by piece.

    If whoever reads it is gone, the program ends with code 1, without a word.
    """

    def __init__(self) -> None:
        self._within_line = self._has_begun = False

    def __enter__(self) -> Self:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A terminal that knows few characters is shown the others by their numbers.
                stream.reconfigure(errors="backslashreplace")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if isinstance(problem, BrokenPipeError):
            # What is still in the buffer would be written, and fail again, as Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        if isinstance(problem, KitError) or (problem is not None and sys.stdout.isatty()):
            with contextlib.suppress(OSError):
                self.break_off()

    def add(self, text: str) -> None:
        """Writes a piece, at once."""
        if text:
            sys.stdout.write(escaped(text))
            sys.stdout.flush()
            self._within_line, self._has_begun = not text.endswith("\n"), True

    def end(self) -> None:
        """Ends an answer: with a line of its own, also if it is empty."""
        if self._within_line or not self._has_begun:
            self.add("\n")
        self._has_begun = False

    def break_off(self) -> None:
        """Ends what there is of an answer, before something else is written."""
        if self._within_line:
            self.add("\n")
        self._has_begun = False
