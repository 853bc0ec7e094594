"""What may be said in a conversation that is not said to the decoder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from clients.cli.chat.given import NotSaid
from repository.findings import shortened

HELP = """\
/image FILE   an image for the next message; can be repeated
/system TEXT  what the decoder is told before the conversation; without TEXT nothing
/new          a new conversation
/quit         the end, as Ctrl-D
Ctrl-C stops an answer. A line that begins with a blank is no command."""

NAMES = ("/help", "/image", "/new", "/quit", "/system")

_ALONE = ("/help", "/new", "/quit")
"""Those that take nothing behind them."""

_NAME = re.compile(r"/[A-Za-z]+(?!\S)")


def command_of(line: str) -> tuple[str, str] | None:
    """The command in a line, and what stands behind it; None if the line is a message.

    Raises:
        NotSaid: there is no such command, or it is not complete.
    """
    found = _NAME.match(line)
    if found is None:
        return None
    name, rest = found[0], line[found.end() :].strip()
    if name not in NAMES:
        raise NotSaid(
            f"there is no command {shortened(name)}; there are: {', '.join(NAMES)}. To say it, "
            "begin the line with a blank"
        )
    if name in _ALONE and rest:
        raise NotSaid(f"{name}: expected nothing behind it, found '{shortened(rest)}'")
    if name == "/image" and not rest:
        raise NotSaid("/image: expected a file behind it, as /image photo.jpg, found none")
    return name, rest


def path_of(text: str) -> Path:
    """A file as people write it, or as a terminal does: quoted, with backslashes, or as it is."""
    try:
        if (plain := Path(text).expanduser()).exists():
            return plain
        words = shlex.split(text)
        return Path(words[0]).expanduser() if len(words) == 1 else plain
    except (ValueError, OSError, RuntimeError):  # no name of a file; an open quote; nobody's home
        return Path(text)
