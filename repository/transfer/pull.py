"""Fetches a repository from a source into a folder, and verifies every file by the manifest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from repository.manifest import MAXIMUM_BYTES, SIGNATURE, Manifest
from repository.manifest.schema import MANIFEST
from repository.transfer.arrival import Arrival, Judge
from repository.transfer.errors import TransferError
from repository.transfer.meter import Meter
from repository.transfer.partial import Read
from repository.transfer.store import Entry, Source, small

_SHOWN = 10


@dataclass(frozen=True)
class Pulled:
    """What a pull did: names of files that were fetched, and kept as they were."""

    fetched: tuple[str, ...]
    kept: tuple[str, ...]


def pull(
    source: Source,
    folder: Path,
    *,
    delete: bool = False,
    quiet: bool = False,
    judge: Judge | None = None,
) -> Pulled:
    """Make a folder hold exactly the repository that a source holds.

    Args:
        source: where from.
        folder: where to.
        delete: remove files there that no pull wrote.
        quiet: show no progress.
        judge: has to agree before anything in the folder changes.

    Raises:
        TransferError: the source is incomplete or changed (every missing file is named), or the
            folder cannot take it.
    """
    entries = source.entries()
    if MANIFEST not in entries:
        found = f"{len(entries)} other files" if entries else "nothing"
        raise TransferError(
            f"{source.place}: expected a repository with its {MANIFEST}, found {found}. The "
            "manifest is sent last: a push was cut off, or this is another place. Push again."
        )
    kept: list[str] = []
    with Arrival(folder, delete=delete) as arrival:
        manifest = arrival.expect(_small(source, entries, MANIFEST), source.place)
        _complete(source, entries, manifest)
        total = sum(file.bytes for file in manifest.files.values())
        with Meter(f"pull from {source.place}", total, quiet=quiet) as meter:
            for name, file in sorted(manifest.files.items()):
                if arrival.has(name, file):
                    kept.append(name)
                    meter.add(file.bytes)
                else:
                    arrival.take(name, file, _counted(source, name, meter), source.place)
        fetched = tuple(arrival.written)
        signed = SIGNATURE in entries
        arrival.finish(_small(source, entries, SIGNATURE) if signed else None, judge)
    return Pulled(fetched, tuple(kept))


def _counted(source: Source, name: str, meter: Meter) -> Read:
    def read(offset: int) -> Iterator[bytes]:
        for chunk in source.read(name, offset):
            meter.add(len(chunk))
            yield chunk

    return read


def _complete(source: Source, entries: dict[str, Entry], manifest: Manifest) -> None:
    lacking = [
        f"{name} ({file.bytes:,} bytes expected, "
        f"{f'{entries[name].bytes:,} found' if name in entries else 'no such file'})"
        for name, file in sorted(manifest.files.items())
        if name not in entries or entries[name].bytes != file.bytes
    ]
    if lacking:
        more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
        raise TransferError(
            f"{source.place}: incomplete: {', '.join(lacking[:_SHOWN])}{more}. A push was cut off "
            "or is under way: push again, or wait for its end."
        )


def _small(source: Source, entries: dict[str, Entry], name: str) -> bytes:
    if entries[name].bytes > MAXIMUM_BYTES:
        raise TransferError(
            f"{source.place}, {name}: expected at most {MAXIMUM_BYTES:,} bytes, "
            f"found {entries[name].bytes:,}. No build wrote it: push again."
        )
    return small(source, name, entries[name].bytes)
