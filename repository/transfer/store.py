"""A place that holds a repository's files one by one: a bucket, a claim, a folder."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from repository.manifest import File
from repository.transfer.contents import CHUNK
from repository.transfer.errors import TransferError

Told = Callable[[int], None]
"""Is called with the number of bytes that were sent."""


@dataclass(frozen=True)
class Entry:
    """One file there.

    Attributes:
        bytes: its size.
        tag: changes when the file is written again.
        modified: when it was written, in seconds since 1970.
    """

    bytes: int
    tag: str
    modified: float


class Source(Protocol):
    """Files that can be read; all methods raise TransferError."""

    @property
    def place(self) -> str:
        """Its address, for sentences."""

    def entries(self) -> dict[str, Entry]:
        """Everything there, by its path relative to the repository's root."""

    def read(self, name: str, offset: int = 0) -> Generator[bytes]:
        """A file's bytes from an offset on."""


class Store(Source, Protocol):
    """Files that can also be written."""

    def write(self, name: str, content: Path, file: File, told: Told) -> None:
        """Send a file; what it replaces is replaced whole."""

    def tag(self, name: str) -> str:
        """The tag of one file."""

    def recorded(self, name: str) -> str | None:
        """The SHA-256 that a push wrote beside a file; None if none did."""

    def wrote(self, name: str) -> bool:
        """Whether it is recorded that a push to this very address wrote a file."""

    def writer(self, name: str) -> str:
        """The other address whose push wrote a file; empty if none is recorded."""

    def around(self) -> str:
        """The address of a repository within which this place lies; empty if there is none."""

    def begin(self, names: Collection[str]) -> None:
        """Record what is about to be written, where that is not recorded file by file."""

    def hash(self, name: str, size: int) -> str:
        """The SHA-256 of what is there under a file's name, read for this.

        Of more bytes than the size that is expected no more is read.
        """

    def remove(self, name: str) -> None:
        """Remove a file."""

    def finish(self, names: Collection[str]) -> None:
        """Tidy after a complete push: what pushes of these files that were cut off left behind."""


@dataclass(frozen=True)
class FolderSource:
    """A folder of this machine, read as a source."""

    folder: Path

    @property
    def place(self) -> str:
        """Its path."""
        return str(self.folder)

    def entries(self) -> dict[str, Entry]:
        """Every regular file below it; links are not followed."""
        found: dict[str, Entry] = {}
        try:
            for path in self.folder.rglob("*"):
                if path.is_file() and not path.is_symlink():
                    facts = path.stat()
                    name = path.relative_to(self.folder).as_posix()
                    found[name] = Entry(facts.st_size, str(facts.st_mtime_ns), facts.st_mtime)
        except OSError as error:
            raise TransferError(f"{self.folder}: cannot be listed: {error.strerror}.") from error
        return found

    def read(self, name: str, offset: int = 0) -> Generator[bytes]:
        """A file's bytes from an offset on."""
        try:
            with (self.folder / name).open("rb") as file:
                file.seek(offset)
                while chunk := file.read(CHUNK):
                    yield chunk
        except OSError as error:
            raise TransferError(f"{self.folder / name}: {error.strerror}.") from error


def hash_of(source: Source, name: str, size: int) -> str:
    """The SHA-256 of what a source gives for a file, read to its end, or a little beyond a size."""
    digest, done = hashlib.sha256(), 0
    with contextlib.closing(source.read(name)) as chunks:
        for chunk in chunks:
            digest.update(chunk)
            done += len(chunk)
            if done > size:
                break
    return digest.hexdigest()


def small(source: Source, name: str, limit: int) -> bytes:
    """A small file, whole.

    Raises:
        TransferError: the source gives more than the limit.
    """
    content = bytearray()
    with contextlib.closing(source.read(name)) as chunks:
        for chunk in chunks:
            content += chunk
            if len(content) > limit:
                raise TransferError(
                    f"{source.place}, {name}: expected at most {limit:,} bytes, found more. No "
                    "build wrote it: push again."
                )
    return bytes(content)
