"""What somebody says in a conversation: a line at a time, typed or from a pipe."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from clients.cli.chat.given import LONGEST, NotSaid

PROMPT = "> "


class Lines(Protocol):
    """Where lines come from."""

    def read(self) -> str:
        """The next line, without its end.

        Raises:
            NotSaid: it is not text, or too long; the next one may be.
            EOFError: there is no further one.
        """
        ...


class Terminal:
    """Lines typed at a terminal, which can be edited.

    Args:
        commands: those that Tab completes.
    """

    def __init__(self, commands: Sequence[str]) -> None:
        self._commands = commands
        with contextlib.suppress(ImportError):
            import readline

            readline.set_completer_delims("")
            readline.set_completer(self._completed)
            readline.parse_and_bind("tab: complete")

    def read(self) -> str:
        """As :class:`Lines` says."""
        try:
            # Without a locale Python lets other bytes through as halves of surrogate pairs.
            return input(PROMPT).encode("utf-8", "surrogateescape").decode("utf-8")
        except UnicodeError as problem:
            raise NotSaid("expected a line in UTF-8, found other bytes") from problem

    def _completed(self, begun: str, number: int) -> str | None:
        found = completions(begun, self._commands)
        return found[number] if number < len(found) else None


def completions(begun: str, commands: Sequence[str]) -> list[str]:
    """The lines that one may become which has begun so: with a command's name, or a file's.

    Args:
        begun: the line.
        commands: those that there are; a file follows ``/image``.
    """
    command, blank, path = begun.partition(" ")
    if not blank:
        return [f"{each} " for each in commands if begun and each.startswith(begun)]
    if command != "/image":
        return []
    parts = path.rpartition("/")
    folder, name = "".join(parts[:2]), parts[2]
    try:
        found = [
            f"{each.name}{'/' * each.is_dir()}"
            for each in Path(folder or ".").expanduser().iterdir()
            if each.name.startswith(name) and (name or not each.name.startswith("."))
        ]
    except (OSError, ValueError, RuntimeError):  # no such folder; no name of one; nobody's home
        return []
    return [f"{command} {folder}{each}" for each in sorted(found)]


class Pipe:
    """Lines of a stream of bytes.

    Args:
        stream: has them, in UTF-8.
        prompts: whether somebody at a terminal is asked for each, on standard error.
    """

    def __init__(self, stream: BinaryIO, *, prompts: bool = False) -> None:
        self._stream = stream
        self._prompts = prompts
        self._number = 0

    def read(self) -> str:
        """As :class:`Lines` says."""
        if self._prompts:
            sys.stderr.write(PROMPT)
            sys.stderr.flush()
        line = self._stream.readline(LONGEST + 1)
        if not line:
            raise EOFError
        self._number += 1
        if len(line) > LONGEST and not line.endswith(b"\n"):
            while (rest := self._stream.readline(LONGEST)) and not rest.endswith(b"\n"):
                pass
            raise NotSaid(
                f"line {self._number}: expected at most {LONGEST:,} bytes, found more; leave some "
                "out"
            )
        try:
            return line.decode().rstrip("\r\n")
        except UnicodeDecodeError as problem:
            raise NotSaid(
                f"line {self._number}: expected UTF-8, found other bytes at byte {problem.start}"
            ) from problem


def lines(commands: Sequence[str]) -> Lines:
    """Standard input's, as it is a terminal or not."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        return Terminal(commands)
    return Pipe(cast(BinaryIO, sys.stdin.buffer), prompts=sys.stdin.isatty())
