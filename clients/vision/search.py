"""Files ranked by how well they fit: a vector is compared with that of each image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from clients.connection.errors import RequestError
from clients.vision.client import Vector, VisionClient
from repository.files.bounded_file import Unreadable, read_bounded

AT_ONCE = 4
"""Requests that are under way at once."""

MAXIMUM_BYTES = 256 << 20
"""Of a file; larger ones are skipped."""


@dataclass(frozen=True)
class Seen:
    """A file that was looked at.

    Attributes:
        file: its path.
        likeness: the cosine of its vector with the one that is looked for, -1 to 1; None if it is
            no image that the server takes.
        skipped: why it was left out, a sentence; empty if it was not.
    """

    file: Path
    likeness: float | None
    skipped: str = ""


def files_in(folder: Path) -> list[Path]:
    """The files in a folder and in those below it, sorted, without hidden ones.

    Raises:
        OSError: it is no folder, or cannot be read.
    """
    if not folder.is_dir():
        raise NotADirectoryError(
            f"expected a folder, found {'a file' if folder.exists() else 'none'}"
        )
    found = []
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.is_file():
            found.append(path)
    return sorted(found)


def look(
    client: VisionClient,
    wanted: Vector,
    files: Iterable[Path],
    at_once: int = AT_ONCE,
    looked: Callable[[int], None] = lambda count: None,
) -> list[Seen]:
    """Compares files with a vector; the best first, then those that were skipped.

    Args:
        client: of the server.
        wanted: a vector of length 1, of a text or of an image.
        files: the images.
        at_once: the most requests that are under way at once.
        looked: is told how many files were looked at.

    Raises:
        RequestError: the server gave no answer, or has no such pipeline; a file that it refuses is
            skipped.
    """

    def see(file: Path) -> Seen:
        try:
            vector = client.image(read_bounded(file, MAXIMUM_BYTES))
        except Unreadable as problem:
            return Seen(file, None, str(problem))
        except RequestError as problem:
            if problem.code != "INVALID_ARGUMENT":
                raise
            return Seen(file, None, str(problem))
        return Seen(file, float(vector @ wanted))

    seen: list[Seen] = []
    for each in _in_order(see, files, at_once):
        seen.append(each)
        looked(len(seen))
    return sorted(seen, key=lambda each: (-_or_least(each.likeness), str(each.file)))


def _or_least(likeness: float | None) -> float:
    return -2.0 if likeness is None else likeness


def _in_order(see: Callable[[Path], Seen], files: Iterable[Path], at_once: int) -> Iterator[Seen]:
    """What is seen in each file, few of them under way."""
    waiting = iter(files)
    with ThreadPoolExecutor(at_once) as pool:
        under_way: list[Future[Seen]] = [
            pool.submit(see, each) for each in islice(waiting, at_once)
        ]
        try:
            while under_way:
                yield under_way.pop(0).result()
                under_way += [pool.submit(see, each) for each in islice(waiting, 1)]
        finally:
            for each in under_way:
                each.cancel()


def best(seen: Sequence[Seen], top: int) -> list[Seen]:
    """The files that fit best, at most so many."""
    return [each for each in seen if each.likeness is not None][:top]
