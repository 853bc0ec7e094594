"""The build's cache: results by the hash of all that made them.

It lies outside the checkout, so that it survives between checkouts and branches, and holds::

    v1/<kind>/<key>/      one result: entry.json, and its files under files/
    v1/last/<name>.json   what a task was made from when it last ran, to say what changed
    v1/stamps/<out>.json  the state of all that a build read and wrote (see stamp.py)
    v1/work/<id>/         a running build's scratch folder, locked by it

An entry appears whole, by one rename, and is never changed after. What a killed build left in
``work`` is removed when the next one starts and finds its lock free. Any number of builds may share
the cache: two that make the same entry at once both succeed, and the first one's stays.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repository.files.hashing import sha256_of

VERSION = "v1"
"""Changes when what an entry looks like does."""

KEPT_DAYS = 60
"""Entries that no build has used for so long are removed."""

DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading a damaged entry raises."""


@dataclass(frozen=True)
class Entry:
    """One result.

    Attributes:
        folder: where its files lie; its content must not be changed.
        files: path relative to the folder -> SHA-256.
        value: what was recorded with it, as JSON.
        seconds: how long it took to make.
    """

    folder: Path
    files: Mapping[str, str]
    value: Any
    seconds: float

    @property
    def digest(self) -> str:
        """SHA-256 over its files' names and content."""
        return key_of(self.files)


def default_root() -> Path:
    """``$XDG_CACHE_HOME/triton-multimodal-kit``, as the XDG base directory specification has it."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(named) if named.startswith("/") else Path.home() / ".cache"
    return base / "triton-multimodal-kit"


def key_of(parts: Mapping[str, str]) -> str:
    """The SHA-256 over names and values, in whatever order they come."""
    return hashlib.sha256(json.dumps(dict(parts), sort_keys=True).encode()).hexdigest()


class Cache:
    """A cache in a folder.

    Args:
        root: the folder; it need not exist.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = (root or default_root()) / VERSION

    def peek(self, kind: str, key: str) -> Entry | None:
        """The entry, without verifying its files."""
        try:
            return _read(self._folder(kind, key), verified=False)
        except DAMAGED:
            return None

    def find(self, kind: str, key: str) -> Entry | None:
        """The entry, every byte of it verified; one that is damaged is removed."""
        folder = self._folder(kind, key)
        try:
            entry = _read(folder)
        except FileNotFoundError:
            if not folder.exists():
                return None
        except DAMAGED:
            pass
        else:
            with contextlib.suppress(OSError):
                os.utime(folder)
            return entry
        self._discard(folder)
        return None

    def store(self, kind: str, key: str, made: Path, value: Any, seconds: float) -> Entry:
        """Keep a result.

        Args:
            kind: the kind of task.
            key: the hash of what it was made from.
            made: a folder in this cache's :meth:`work`, whose content becomes the entry's files.
            value: recorded with it, as JSON.
            seconds: how long it took.
        """
        files = {
            path.relative_to(made).as_posix(): sha256_of(path)
            for path in sorted(made.rglob("*"))
            if path.is_file()
        }
        text = json.dumps({"files": files, "value": value, "seconds": round(seconds, 3)})
        parcel = made.parent / f"{made.name}.entry"
        parcel.mkdir()
        made.rename(parcel / "files")
        content = json.dumps({"sha256": hashlib.sha256(text.encode()).hexdigest(), "entry": text})
        (parcel / "entry.json").write_text(content)
        folder = self._folder(kind, key)
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            parcel.rename(folder)
        except OSError:
            # Another build made it at the same time, or it is damaged: the whole one stays.
            entry = self.find(kind, key)
            if entry is not None:
                shutil.rmtree(parcel)
                return entry
            parcel.rename(folder)
        return Entry(folder / "files", files, json.loads(text)["value"], round(seconds, 3))

    def last(self, name: str) -> Mapping[str, str] | None:
        """What a task was made from when it last ran on this machine; None if it never did."""
        return self.read(self._last(name))

    def remember(self, name: str, parts: Mapping[str, str]) -> None:
        """Record what a task was made from."""
        self.write(self._last(name), dict(parts))

    def read(self, path: Path) -> dict[str, Any] | None:
        """A small JSON file; None if there is none, or it is damaged."""
        try:
            value = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def write(self, path: Path, value: Any) -> None:
        """Write a small JSON file whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
        try:
            aside.write_text(json.dumps(value))
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise

    @contextlib.contextmanager
    def work(self) -> Iterator[Path]:
        """A scratch folder of one build, gone at its end; what killed builds left is removed.

        For the main thread, temporary files of this process lie in it too, those of libraries with
        them: in the system's own folder nobody could tell a killed build's from a live one's. The
        setting is the whole process's, so a build in another thread leaves it alone.
        """
        self.sweep()
        parent = self.root / "work"
        parent.mkdir(parents=True, exist_ok=True)
        folder, lock = _locked_folder(parent)
        try:
            with _temporary_files_in(folder):
                yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)

    def sweep(self) -> None:
        """Remove the scratch folders of builds that were killed."""
        with contextlib.suppress(FileNotFoundError):
            _remove_leftovers(self.root / "work")

    def prune(self, days: float = KEPT_DAYS) -> None:
        """Remove entries that no build has used for so many days."""
        oldest = time.time() - days * 86400
        for folder in self.root.glob("*/*"):
            if folder.parent.name == "work":
                continue
            with contextlib.suppress(OSError):
                if folder.stat().st_mtime < oldest:
                    self._discard(folder) if folder.is_dir() else folder.unlink()

    def _discard(self, folder: Path) -> None:
        """Remove an entry: first its name, so it is gone for all at once, then its files."""
        parent = self.root / "work"
        parent.mkdir(parents=True, exist_ok=True)
        aside = parent / uuid.uuid4().hex
        with contextlib.suppress(FileNotFoundError):
            folder.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)

    def _folder(self, kind: str, key: str) -> Path:
        return self.root / kind / key

    def _last(self, name: str) -> Path:
        return self.root / "last" / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"


def _read(folder: Path, *, verified: bool = True) -> Entry:
    """An entry on disk.

    Raises:
        DAMAGED: it is not as it was stored.
    """
    outer = json.loads((folder / "entry.json").read_bytes())
    text = outer["entry"]
    if hashlib.sha256(text.encode()).hexdigest() != outer["sha256"]:
        raise ValueError("entry.json was changed")
    entry = json.loads(text)
    content = folder / "files"
    if not verified:
        return Entry(content, entry["files"], entry["value"], entry["seconds"])
    there = {path.relative_to(content).as_posix() for path in content.rglob("*") if path.is_file()}
    if there != entry["files"].keys():
        raise ValueError("files are missing or were added")
    for name, sha256 in entry["files"].items():
        if sha256_of(content / name) != sha256:
            raise ValueError(f"{name} was changed")
    return Entry(content, entry["files"], entry["value"], entry["seconds"])


@contextlib.contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def _locked_folder(parent: Path) -> tuple[Path, int]:
    while True:
        folder = parent / uuid.uuid4().hex
        folder.mkdir()
        lock = _lock(folder)
        if lock is not None:
            return folder, lock


def _remove_leftovers(parent: Path) -> None:
    for folder in parent.iterdir():
        lock = _lock(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """A lock on a folder, freed when its holder dies; None if another has it, or it is gone."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if folder.exists():
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None
