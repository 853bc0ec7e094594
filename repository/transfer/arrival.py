"""A folder that a repository arrives in: fetched beside, judged, then swapped in.

What is under way lies in ``.pull/`` of the folder, so that it is on its file system. Each file
comes by its SHA-256, at which an interrupted pull goes on, and is gathered in ``.pull/new/``. There
all of it is verified, and its signature checked. Only then is anything changed that was there
before. A refused pull leaves nothing. A pull that was cut off leaves ``.pull/``: ``verify`` then
refuses the folder, and the next pull goes on with it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Self

from repository import manifest as manifests
from repository.files.bounded_file import reason
from repository.findings import Finding
from repository.manifest import (
    SIGNATURE,
    UNDER_WAY,
    UNLISTED,
    UNMANAGED,
    File,
    Manifest,
    ManifestError,
    read_manifest,
)
from repository.manifest.schema import MANIFEST, finding
from repository.transfer.contents import layout_mistakes
from repository.transfer.errors import TransferError, refuse
from repository.transfer.ownership import check_apart, repository_around
from repository.transfer.partial import Read, fill, is_right
from repository.transfer.swap import STAGED, swap, undo

Judge = Callable[[Path], None]
"""Raises where the whole repository in a folder may not be served."""

_SHOWN = 5
_ATTEMPTS = 2


class Arrival:
    """One pull into a folder. It is used as a context, which keeps other pulls out.

    Args:
        folder: made if it is not there.
        delete: remove files in it that no pull wrote, instead of refusing them.

    Raises:
        TransferError: it is not a folder, cannot be written to, lies within a repository, or
            another pull is writing it.
    """

    def __init__(self, folder: Path, *, delete: bool = False) -> None:
        self.folder = folder
        self.inbox = folder / UNDER_WAY
        self.manifest: Manifest
        self.written: list[str] = []
        self._staged = self.inbox / STAGED
        self._delete = delete
        self._made: list[Path] = []
        self._refused = self._done = False
        self._kept: set[str] = set()

    def __enter__(self) -> Self:
        check_apart(str(self.folder), (), repository_around(self.folder))
        with self.told("the folder"):
            self._make(self.folder)
            self._lock = self._locked()
            try:
                undo(self.folder, self.inbox)
                self._staged.mkdir(exist_ok=True)
            except BaseException:
                os.close(self._lock)
                raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._done or self._refused or not self._worth_keeping():
                shutil.rmtree(self.inbox, ignore_errors=True)
            if not self._done:
                for folder in reversed(self._made):
                    with contextlib.suppress(OSError):
                        folder.rmdir()
        finally:
            os.close(self._lock)

    def expect(self, text: bytes, where: str, keep: Collection[str] = ()) -> Manifest:
        """Take the manifest of what will come.

        Args:
            text: its bytes; nothing in it is trusted.
            where: its place, for sentences.
            keep: names of parts of an earlier pull that go on, beside the files' own.

        Raises:
            TransferError: it is not a manifest, breaks a rule of layout, or the folder holds files
                that no pull wrote.
        """
        with self.told(MANIFEST):
            (self.inbox / MANIFEST).write_bytes(text)
        with self._refusing():
            try:
                self.manifest = read_manifest(self.inbox)
            except ManifestError as error:
                raise TransferError(f"{where}: {error}") from error
            refuse(list(layout_mistakes(self.manifest)))
            self._check_strangers()
        with self.told("what an earlier pull left"):
            self._sweep({*keep, *(file.sha256 for file in self.manifest.files.values())})
        return self.manifest

    def has(self, name: str, file: File) -> bool:
        """Whether a file is here and right, in the folder or gathered for it."""
        if is_right(self.folder / name, file):
            self._kept.add(name)
            return True
        return is_right(self._staged / name, file)

    def take(self, name: str, file: File, read: Read, where: str) -> None:
        """Read a file, on from where an earlier pull was cut off, and gather it.

        Raises:
            TransferError: its bytes are not those that the manifest names, or the disk is full.
        """
        partial = self.inbox / file.sha256
        found = ""
        with self.told(name):
            for _ in range(_ATTEMPTS):
                found = fill(partial, file.bytes, read)
                if found == file.sha256:
                    self._gather(partial, name)
                    self.written.append(name)
                    return
                partial.unlink()
        raise TransferError(
            f"{where}, {name}: expected the SHA-256 {file.sha256[:16]}… and {file.bytes:,} bytes, "
            f"found {found[:16]}…, {_ATTEMPTS} times. It was changed where it lies or on its way: "
            "remove it there, then push again."
        )

    def finish(self, signature: bytes | None, judge: Judge | None = None) -> None:
        """Judge what was gathered, and swap it in; until then nothing in the folder changes.

        Args:
            signature: the content of ``model.sig``, if there is one.
            judge: has to agree.

        Raises:
            TransferError: it is not as the manifest says (all findings), the folder got files that
                no pull wrote, or cannot be written to.
        """
        kept = self._gather_rest(signature)
        with self._refusing():
            refuse(manifests.verify(self._staged))
            if judge is not None:
                judge(self._staged)
            self._check_strangers()
        with self.told("what was fetched"):
            put = [*sorted(self.manifest.models.keys() - kept), SIGNATURE, MANIFEST]
            put = [name for name in put if os.path.lexists(self._staged / name)]
            here = {name.partition("/")[0] for name, _ in self._here()} - {*kept, *UNMANAGED}
            gone = [MANIFEST, SIGNATURE, *sorted(here.union(put) - {MANIFEST, SIGNATURE})]
            if here != set(put) or not self._same(*put):
                swap(self.folder, self.inbox, gone, put)
            self._done = True
            shutil.rmtree(self.inbox)
        self.written.append(MANIFEST)
        refuse(manifests.verify(self.folder, contents=False))

    def _same(self, *names: str) -> bool:
        """Whether entries of the root are files that are here as they were gathered."""
        try:
            return all(is_right(self.folder / name, File.at(self._staged / name)) for name in names)
        except OSError:
            return False

    def _gather_rest(self, signature: bytes | None) -> set[str]:
        """Add what is here already to what was gathered; gives the models that stay as they are."""
        changed = set()
        with self.told("what was fetched"):
            for name in self.manifest.files:
                if name in self._kept:
                    self._share(name)
                else:
                    changed.add(name.partition("/")[0])
            here_files = {name for name, _ in self._here()}
            changed |= {name.partition("/")[0] for name in here_files - self.manifest.files.keys()}
            if signature is not None:
                (self._staged / SIGNATURE).write_bytes(signature)
            shutil.copyfile(self.inbox / MANIFEST, self._staged / MANIFEST)
            for name in (SIGNATURE, MANIFEST):
                if (self._staged / name).exists():
                    (self._staged / name).chmod(0o644)
        return self.manifest.models.keys() - changed

    def _gather(self, partial: Path, name: str) -> None:
        target = self._staged / name
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.chmod(0o644)
        partial.replace(target)

    def _share(self, name: str) -> None:
        """A file that is here, among what was gathered: linked, or copied if it cannot be
        linked."""
        partial = self.inbox / "copy"
        partial.unlink(missing_ok=True)
        try:
            partial.hardlink_to(self.folder / name)
        except OSError:
            shutil.copyfile(self.folder / name, partial)
        target = self._staged / name
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.replace(target)

    def _sweep(self, keep: Collection[str]) -> None:
        """Remove what pulls of other repositories left, and what was gathered and is not wanted."""
        for path in self.inbox.iterdir():
            if path.name not in {*keep, MANIFEST, STAGED}:
                _remove(path)
        found: list[Finding] = []
        for name, mode in list(manifests.walk(self._staged, found)):
            if name not in self.manifest.files or not stat.S_ISREG(mode):
                (self._staged / name).unlink()
        for empty, _, _ in os.walk(self._staged, topdown=False):
            if Path(empty) != self._staged:
                with contextlib.suppress(OSError):
                    Path(empty).rmdir()

    def _here(self) -> Iterator[tuple[str, int]]:
        found: list[Finding] = []
        for name, mode in manifests.walk(self.folder, found):
            if not name.startswith(f"{UNDER_WAY}/"):
                yield name, mode

    def _check_strangers(self) -> None:
        """Refuse files that no pull wrote: the swap would remove them."""
        known, files = _listed(self.folder), self.manifest.files
        wrong, right = [], False
        for name, mode in self._here():
            if not stat.S_ISREG(mode):
                wrong.append(name)
            elif name not in known and name not in UNLISTED:
                if name in files and is_right(self.folder / name, files[name]):
                    right = True
                else:
                    wrong.append(name)
        if right and not known:
            # A copy of this build was cut off here: what differs under its names is what it left.
            wrong = [name for name in wrong if name not in files]
        check_apart(str(self.folder), wrong, "")
        if wrong and not self._delete:
            shown = ", ".join(map(ascii, sorted(wrong)[:_SHOWN]))
            remedy = "Give another folder, or have them removed."
            found = f"files that no pull wrote: {shown}"
            where, expected = str(self.folder), "an empty folder"
            refuse([finding("strangers", where, expected, found, remedy, ("delete",))])

    def _worth_keeping(self) -> bool:
        """Whether the next pull can go on with what is here."""
        try:
            return any(path.is_file() and path.name != MANIFEST for path in self.inbox.rglob("*"))
        except OSError:
            return True

    def _make(self, folder: Path) -> None:
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        for each in reversed(missing):
            each.mkdir(exist_ok=True)
            self._made.append(each)

    def _locked(self) -> int:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        while True:
            self.inbox.mkdir(exist_ok=True)
            lock = os.open(self.inbox, flags)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                there = self.inbox.stat()
            except BlockingIOError as error:
                os.close(lock)
                raise TransferError(
                    f"{self.folder}: expected to be alone, found another pull at work in it. "
                    "Wait for its end, or give another folder."
                ) from error
            except FileNotFoundError:
                there = None
            if there is not None and os.path.samestat(there, os.fstat(lock)):
                return lock
            # Another pull ended meanwhile, and took its folder with it.
            os.close(lock)

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        """What is refused here leaves nothing."""
        try:
            yield
        except Exception:
            self._refused = True
            raise

    @contextlib.contextmanager
    def told(self, what: str) -> Iterator[None]:
        """Turns errors of the file system into sentences about what was written.

        Raises:
            TransferError: an OSError, as of a full disk.
        """
        try:
            yield
        except OSError as error:
            why = reason(error)
            raise TransferError(
                f"{self.folder}, {what}: expected to write it, found: {why}. "
                "Give a folder that can be written to, with room for the repository."
            ) from error


def _listed(folder: Path) -> frozenset[str]:
    """The files that a folder's manifest names, if it can be trusted."""
    with contextlib.suppress(ManifestError):
        return frozenset(read_manifest(folder).files)
    return frozenset()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
