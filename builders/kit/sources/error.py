"""How a checkpoint is refused: one error, whatever went wrong when its files were read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from builders.errors import BuildersError
from repository.files.bounded_file import Unreadable, reason
from repository.files.json_file import read_object
from repository.findings import printable, shortened

AGAIN = "Fetch the whole checkpoint again."


class SourceError(BuildersError):
    """A source that is missing, not pinned, unsafe, or not what it was; always printable."""

    def __init__(self, text: str) -> None:
        super().__init__(printable(text))


@contextlib.contextmanager
def told(remedy: str = AGAIN) -> Iterator[None]:
    """Turns errors while a checkpoint's files are read into sentences.

    Args:
        remedy: ends the sentence, if the error has no remedy.

    Raises:
        SourceError: there is a file that cannot be read, or that is not what it should be.
    """
    try:
        yield
    except Unreadable as error:
        raise SourceError(f"{error} {remedy}") from None
    except OSError as error:
        where = shortened(str(error.filename or "a file"))
        raise SourceError(
            f"{where}: expected to read it, found: {reason(error)}. {remedy}"
        ) from None


def read_settings(path: Path) -> dict[str, Any]:
    """The JSON object in one of a checkpoint's files.

    Raises:
        SourceError: it cannot be read, or is not one.
    """
    with told():
        return read_object(path)
