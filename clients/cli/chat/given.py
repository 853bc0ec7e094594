"""What somebody gives a decoder, within bounds: the texts and image files of a question."""

from __future__ import annotations

from pathlib import Path

from clients.errors import ClientError
from repository.files.bounded_file import Unreadable, read_bounded

LONGEST = 1 << 20
"""Bytes of a question, as a decoder of the kit takes it."""

LARGEST = 64 << 20
"""Bytes of an image, as a decoder of the kit takes it."""


class NotSaid(ClientError):
    """A line, a command or a file that cannot be taken; the message is a sentence."""


def read_image(file: Path) -> bytes:
    """The content of an image file.

    Raises:
        NotSaid: there is none that may be read, or it is too large.
    """
    try:
        return read_bounded(file, LARGEST)
    except Unreadable as problem:
        raise NotSaid(f"cannot read {problem}") from problem
