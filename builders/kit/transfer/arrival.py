"""A folder that a repository arrives in: resumable, each file by its hash, the manifest last.

What is under way lies in ``.pull/`` of the folder, by its SHA-256: the folder may be a mount point,
which cannot be swapped, and a name by content lets an interrupted pull go on. It is removed at the
end; whatever is interrupted leaves a folder that ``verify`` refuses.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from builders.kit import manifest as manifests
from builders.kit.findings import Finding
from builders.kit.manifest import UNDER_WAY, UNLISTED, File, Manifest, ManifestError, read_manifest
from builders.kit.manifest_schema import MANIFEST, finding
from builders.kit.transfer.contents import file_of, layout_mistakes
from builders.kit.transfer.errors import TransferError, refuse

Read = Callable[[int], Iterator[bytes]]
"""Gives a file's bytes from an offset on."""
_SHOWN = 5
_ATTEMPTS = 2


class Arrival:
    """One pull into a folder; used as a context, which holds it against other pulls.

    Args:
        folder: made if it is not there.
        delete: remove files in it that no pull wrote, instead of refusing them.

    Raises:
        TransferError: it is no folder, cannot be written to, or another pull is writing it.
    """

    def __init__(self, folder: Path, *, delete: bool = False) -> None:
        self.folder = folder
        self.manifest: Manifest
        self.written: list[str] = []
        self._delete = delete
        self._inbox = folder / UNDER_WAY
        self._stale: list[str] = []

    def __enter__(self) -> Self:
        with self._told("the folder"):
            self._inbox.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            self._lock = os.open(self._inbox, flags)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise TransferError(
                f"{self.folder}: expected to be alone, found another pull at work in it. "
                "Wait for its end, or give another folder."
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)

    def expect(self, text: bytes, where: str) -> Manifest:
        """Take the manifest of what will come.

        Args:
            text: its bytes; nothing in it is trusted.
            where: its place, for sentences.

        Raises:
            TransferError: it is no manifest, breaks a rule of layout, or the folder holds files
                that no pull wrote.
        """
        with self._told(MANIFEST):
            (self._inbox / MANIFEST).write_bytes(text)
        try:
            self.manifest = read_manifest(self._inbox)
        except ManifestError as error:
            raise TransferError(f"{where}: {error}") from error
        refuse(list(layout_mistakes(self.manifest)))
        self._stale = self._strangers()
        return self.manifest

    def has(self, name: str, file: File) -> bool:
        """Whether a file is here and right."""
        path = self.folder / name
        try:
            facts = path.stat(follow_symlinks=False)
            return (
                stat.S_ISREG(facts.st_mode)
                and facts.st_size == file.bytes
                and file_of(path) == file
            )
        except OSError:
            return False

    def take(self, name: str, file: File, read: Read, where: str) -> None:
        """Read a file, on from where an earlier pull was cut off, and put it in its place.

        Raises:
            TransferError: its bytes are not those that the manifest names, or the disk is full.
        """
        partial = self._inbox / file.sha256
        found = ""
        with self._told(name):
            for _ in range(_ATTEMPTS):
                found = _fill(partial, file, read)
                if found == file.sha256:
                    self._place(partial, name)
                    return
                partial.unlink()
        raise TransferError(
            f"{where}, {name}: expected the SHA-256 {file.sha256[:16]}… and {file.bytes:,} bytes, "
            f"found {found[:16]}…, {_ATTEMPTS} times. It was changed where it lies or on its way: "
            "remove it there, then push again."
        )

    def finish(self, signature: bytes | None) -> None:
        """Remove what does not belong, write signature and manifest, and verify all of it.

        Raises:
            TransferError: the folder is not as the manifest says; all findings.
        """
        with self._told(MANIFEST):
            for name in self._stale:
                (self.folder / name).unlink(missing_ok=True)
                _prune(self.folder, Path(name).parent)
            target = self.folder / manifests.SIGNATURE
            if signature is None:
                target.unlink(missing_ok=True)
            else:
                (self._inbox / target.name).write_bytes(signature)
                self._place(self._inbox / target.name, target.name)
            self._place(self._inbox / MANIFEST, MANIFEST)
            shutil.rmtree(self._inbox)
        refuse(manifests.verify(self.folder))

    def _place(self, partial: Path, name: str) -> None:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.chmod(0o644)
        partial.replace(target)
        self.written.append(name)

    def _strangers(self) -> list[str]:
        known = set(UNLISTED)
        with contextlib.suppress(ManifestError):
            known |= read_manifest(self.folder).files.keys()
        problems: list[Finding] = []
        here = {
            name: mode
            for name, mode in manifests.walk(self.folder, problems)
            if not name.startswith(f"{UNDER_WAY}/")
        }
        expected = self.manifest.files.keys() | set(UNLISTED)
        wrong = [
            name
            for name, mode in here.items()
            if not stat.S_ISREG(mode) or name not in known | expected
        ]
        if wrong and not self._delete:
            shown = ", ".join(map(ascii, sorted(wrong)[:_SHOWN]))
            remedy = "Give another folder, or remove them with --delete."
            found = f"files that no pull wrote: {shown}"
            refuse([finding("strangers", str(self.folder), "an empty folder", found, remedy)])
        for name in wrong:
            (self.folder / name).unlink()
        return sorted(here.keys() - expected - set(wrong))

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise TransferError(
                f"{self.folder}, {what}: expected to write it, found: {reason}. "
                "Give a folder that can be written to, with room for the repository."
            ) from error


def _fill(partial: Path, file: File, read: Read) -> str:
    """Append what is missing, never more than the file's size and a chunk; the SHA-256 of all."""
    digest = hashlib.sha256()
    size = 0
    with partial.open("a+b") as out:
        out.seek(0)
        while chunk := out.read(1 << 20):
            digest.update(chunk)
            size += len(chunk)
        if size < file.bytes:
            for chunk in read(size):
                out.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                if size > file.bytes:
                    break
    return digest.hexdigest()


def _prune(root: Path, folder: Path) -> None:
    """Remove a folder and its parents below the root where they hold nothing."""
    while folder != Path():
        try:
            (root / folder).rmdir()
        except OSError:
            return
        folder = folder.parent
