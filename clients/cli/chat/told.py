"""What the commands that ask a decoder tell beside an answer: its tokens, and what went wrong."""

from __future__ import annotations

import re
import time

import typer

from clients.chat.answer import Piece
from clients.cli.exit import wrong_address
from clients.connection.address import AddressError
from repository.cli.exit import failed, tell
from repository.errors import KitError

_OPTIONS = ("max_tokens", "temperature", "top_p", "seed", "stop")
"""Inputs of a decoder that are options of the commands."""


def ended(problem: KitError, *options: str) -> typer.Exit:
    """The exit of a command that got no answer, after its sentence.

    Args:
        problem: why there was none.
        options: further inputs that are options of this command.
    """
    if isinstance(problem, AddressError):
        return wrong_address(problem)
    return failed(_by_option(problem, *options))


def say(problem: KitError) -> None:
    """Tells of it, and goes on."""
    tell(_by_option(problem))


def _by_option(problem: KitError, *options: str) -> KitError:
    """A refusal whose sentence begins with an input, with its option there."""
    found = re.match(rf"({'|'.join((*_OPTIONS, *options))}): ", str(problem))
    if found is None:
        return problem
    return KitError(f"--{found[1].replace('_', '-')}{str(problem)[found.end(1) :]}")


class Counted:
    """Counts one answer; it is made as the question is sent."""

    def __init__(self) -> None:
        self._asked = time.monotonic()
        self._first: tuple[float, Piece] | None = None
        self._last: tuple[float, Piece] | None = None

    def add(self, piece: Piece) -> None:
        """Counts a piece, as it comes."""
        self._last = (time.monotonic(), piece)
        self._first = self._first or self._last

    def told(self) -> str:
        """A line: tokens of the prompt and of the answer, seconds to the first piece, tokens/s."""
        if self._first is None or self._last is None:
            return "no tokens"
        (began, first), (ended, last) = self._first, self._last
        parts = [
            f"prompt {last.prompt_tokens:,} tokens ({last.cached_tokens:,} known before)",
            f"answer {last.completion_tokens:,} tokens",
            f"first after {began - self._asked:.2f} s",
        ]
        came = last.completion_tokens - first.completion_tokens
        if came > 0 and ended > began:
            parts.append(f"{came / (ended - began):,.1f} tokens/s")
        if last.finish_reason == "length":
            parts.append("cut off at the most tokens")
        return ", ".join(parts)
