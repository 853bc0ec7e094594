"""Sends a repository to a store: what is right already stays, and the manifest goes last.

A file counts as right when its bytes were read back and hash as the manifest says. A file that is
older than the manifest of a complete push is not read again: that push vouches for it. Two pushes
to one place need no lock. Before and after it writes the manifest, each compares what is there with
what it has seen. If the two differ, at least one fails with a sentence.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from repository.manifest import MAXIMUM_BYTES, File, Manifest, ManifestError, read_manifest
from repository.manifest.schema import MANIFEST
from repository.transfer.contents import Contents
from repository.transfer.errors import TransferError
from repository.transfer.meter import Meter
from repository.transfer.ownership import ours, stale
from repository.transfer.store import Entry, Store, small

_ATTEMPTS = 2


@dataclass(frozen=True)
class Pushed:
    """What a push did: names of files that were sent, kept as they were, and removed."""

    sent: tuple[str, ...]
    kept: tuple[str, ...]
    removed: tuple[str, ...]


def push(contents: Contents, store: Store, *, delete: bool = False, quiet: bool = False) -> Pushed:
    """Make a store hold exactly a repository's files.

    Args:
        contents: what travels.
        store: where to.
        delete: also remove files there that no push wrote.
        quiet: show no progress.

    Raises:
        TransferError: the store refuses, holds files of somebody else's, gives other bytes back
            than it was sent, or is written by another push at the same time.
    """
    wanted = {**contents.files, MANIFEST: contents.last}
    entries = ours(store.entries())
    old = _manifest_there(store, entries)

    def is_right(name: str, file: File) -> bool:
        return _is_right(store, name, file, entries, old if name != MANIFEST else None)

    gone = stale(store, entries, wanted, old, is_right, delete=delete)
    own = {*wanted, *gone, *(old.files if old else ())}
    seen = {name: entries[name].tag for name in (MANIFEST, *gone) if name in entries}
    sent: list[str] = []
    kept: list[str] = []
    with Meter(f"push to {store.place}", _total(wanted), quiet=quiet) as meter:
        for name, file in contents.files.items():
            if is_right(name, file):
                kept.append(name)
                seen[name] = entries[name].tag
                meter.add(file.bytes)
            else:
                if not sent:
                    store.begin(own)
                seen[name] = _send(store, contents.folder, name, file, meter)
                sent.append(name)
        if not sent and not gone and is_right(MANIFEST, contents.last):
            store.finish(own)
            return Pushed((), (*kept, MANIFEST), ())
        # Looked at once more before anything goes: what was listed may be another's by now.
        _undisturbed(store, seen)
        for name in gone:
            store.remove(name)
            del seen[name]
        seen[MANIFEST] = _send(store, contents.folder, MANIFEST, contents.last, meter)
        _undisturbed(store, seen)
        store.finish(own)
    return Pushed((*sent, MANIFEST), tuple(kept), tuple(gone))


def _send(store: Store, folder: Path, name: str, file: File, meter: Meter) -> str:
    """Write a file, read it back, and give the tag that it had."""
    found = ""
    for attempt in range(_ATTEMPTS):
        store.write(name, folder / name, file, meter.add if not attempt else lambda _: None)
        tag = store.tag(name)
        found = store.hash(name, file.bytes)
        if found == file.sha256:
            return tag
        meter.note(f"{name}: came back changed; sending it again")
    raise TransferError(
        f"{store.place}, {name}: expected the SHA-256 {file.sha256[:16]}… when it was read back, "
        f"found {found[:16]}…, {_ATTEMPTS} times. Look for what changes it on its way: a proxy, a "
        "failing disk, another writer; then push again."
    )


def _is_right(
    store: Store, name: str, file: File, entries: Mapping[str, Entry], old: Manifest | None
) -> bool:
    entry = entries.get(name)
    if entry is None or entry.bytes != file.bytes:
        return False
    vouched = old is not None and old.files.get(name) == file
    # Stores tell times in seconds: what is as old as the manifest may have been written after it.
    if vouched and entry.modified < entries[MANIFEST].modified:
        return True
    recorded = store.recorded(name)
    return recorded in (None, file.sha256) and store.hash(name, file.bytes) == file.sha256


def _manifest_there(store: Store, entries: Mapping[str, Entry]) -> Manifest | None:
    """The manifest of an earlier push, if there is one that can be trusted."""
    if MANIFEST not in entries or entries[MANIFEST].bytes > MAXIMUM_BYTES:
        return None
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, MANIFEST).write_bytes(small(store, MANIFEST, entries[MANIFEST].bytes))
        try:
            return read_manifest(Path(folder))
        except ManifestError:
            return None


def _undisturbed(store: Store, seen: Mapping[str, str]) -> None:
    entries = ours(store.entries())
    for name in sorted(seen.keys() | entries.keys()):
        if name not in entries or seen.get(name) != entries[name].tag:
            raise TransferError(
                f"{store.place}, {name}: expected what this push wrote, found that something else "
                "wrote there meanwhile. Let one push end, then push again."
            )


def _total(files: Mapping[str, File]) -> int:
    return sum(file.bytes for file in files.values())
