"""The repository's folder: written aside, then swapped in, whole or not at all.

The new repository is written to ``.<name>.building`` beside the folder, and the two are exchanged
by one ``renameat2(RENAME_EXCHANGE)``. A reader finds either the old repository or the new one,
whole; open files stay open. A link to numbered folders would do the same, but ``model_repository/``
is a real folder that version control knows, with a README of its own.

``.<name>.lock`` keeps two builds of one folder apart. The kernel frees it when its holder dies, so
a free lock marks what a killed build left.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from builders.errors import BuildersError
from repository.findings import Finding
from repository.manifest import UNLISTED, UNMANAGED, ManifestError, read_manifest, walk
from repository.manifest.schema import MANIFEST, finding

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_SHOWN = 5


class TargetError(BuildersError):
    """The folder cannot be built into; :attr:`findings` says why."""


class Target:
    """The folder that a build writes.

    Args:
        out: the folder; it need not exist. A link stands for what it leads to.
    """

    def __init__(self, out: Path) -> None:
        self.out = Path(os.path.realpath(out))
        self.staging = self.out.with_name(f".{self.out.name}.building")
        self._lock = self.out.with_name(f".{self.out.name}.lock")
        self._old = self.out.with_name(f".{self.out.name}.old")

    def refuse_strangers(self, ours: Collection[str] = ()) -> None:
        """Refuse a folder with anything in it that no build wrote: it would be lost.

        Args:
            ours: files known to come from an earlier build, should its manifest be damaged.

        Raises:
            TargetError: it is a file, unreadable, or holds files of somebody else's.
        """
        try:
            mode = self.out.stat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(mode):
            raise self._error("folder", "a folder, or none yet", "a file", "Give another folder.")
        known = {*UNLISTED, *ours}
        with contextlib.suppress(ManifestError):
            known |= read_manifest(self.out).files.keys()
        problems: list[Finding] = []
        strange = sorted(
            name
            for name, _ in walk(self.out, problems)
            if name not in known and "__pycache__" not in name.split("/")
        )
        if problems := [each for each in problems if each.rule == "unreadable"]:
            raise TargetError(problems)
        built = MANIFEST in os.listdir(self.out)  # noqa: PTH208
        if strange or (built and known == set(UNLISTED)):
            more = f" and {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
            names = ", ".join(strange[:_SHOWN]) or MANIFEST
            raise self._error(
                "strangers",
                "an empty folder, or a repository that was built here",
                f"files that no build wrote: {names}{more}",
                "Move them elsewhere, or build into another folder.",
            )

    def tidy(self, waiting: Callable[[str], None]) -> None:
        """Remove what a killed build left; one that runs is waited for.

        Args:
            waiting: as in :meth:`locked`.
        """
        if any(os.path.lexists(path) for path in (self.staging, self._lock, self._old)):
            with self.locked(waiting):
                pass

    @contextlib.contextmanager
    def locked(self, waiting: Callable[[str], None]) -> Iterator[None]:
        """Hold the folder against other builds; what is staged, or a killed one left, is removed.

        Args:
            waiting: told once, if another build is running.

        Raises:
            TargetError: the folder beside it cannot be written to.
        """
        try:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            descriptor = self._acquire(waiting)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise self._error(
                "folder",
                f"to write in {self.out.parent}",
                error.strerror or type(error).__name__,
                "Make it writable, or build into another folder.",
            ) from error
        try:
            self._recover()
            try:
                yield
            finally:
                self.discard()
        finally:
            self._lock.unlink(missing_ok=True)
            os.close(descriptor)

    def stage(self) -> Path:
        """An empty folder beside the repository, to write the new one in."""
        self.discard()
        self.staging.mkdir(mode=0o755)
        return self.staging

    def discard(self) -> None:
        """Remove what was staged."""
        if os.path.lexists(self.staging):
            shutil.rmtree(self.staging)

    def publish(self) -> None:
        """Swap the staged repository in, and remove the old one.

        Raises:
            TargetError: the folder cannot be swapped, as a mount point cannot.
        """
        for name in UNMANAGED:
            if os.path.lexists(self.out / name):
                shutil.copy2(self.out / name, self.staging / name, follow_symlinks=False)
        _settle(self.staging)
        try:
            if not self.out.exists():
                self.staging.rename(self.out)
            elif not _exchange(self.staging, self.out):
                # No exchange on this file system: between the two renames there is no repository,
                # and _recover mends that if we die there.
                self.out.rename(self._old)
                self.staging.rename(self.out)
                shutil.rmtree(self._old)
        except OSError as error:
            if error.errno not in (errno.EBUSY, errno.EXDEV):
                raise
            raise self._error(
                "folder",
                "a folder that can be renamed",
                "a mount point",
                "Build into a folder below it.",
            ) from error
        _sync(self.out.parent)
        self.discard()

    def _acquire(self, waiting: Callable[[str], None]) -> int:
        told = False
        while True:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(self._lock, flags, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not told:
                    waiting(f"another build is writing {self.out}; waiting for it to end")
                    told = True
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            # The build we waited for has removed the file that we hold: take the present one.
            with contextlib.suppress(FileNotFoundError):
                if os.stat(self._lock).st_ino == os.fstat(descriptor).st_ino:  # noqa: PTH116
                    return descriptor
            os.close(descriptor)

    def _recover(self) -> None:
        if self._old.exists():
            if self.out.exists():
                shutil.rmtree(self._old)
            else:
                self._old.rename(self.out)
        self.discard()

    def _error(self, rule: str, expected: str, found: str, remedy: str) -> TargetError:
        return TargetError([finding(rule, str(self.out), expected, found, remedy)])


def put(folder: Path, name: str, content: bytes | Path) -> None:
    """Write a file of a repository, readable by whoever serves it.

    Args:
        folder: the staged repository.
        name: the file's path in it.
        content: its bytes, or the file to copy.
    """
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        shutil.copyfile(content, path)


def _settle(folder: Path) -> None:
    """Give everything its mode, whatever the umask, and have it on disk before its name counts."""
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            if not path.is_symlink():
                path.chmod(0o644)
                _sync(path)
        Path(parent).chmod(0o755)
        _sync(Path(parent))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names in one step (renameat2(2)); False if the file system cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        return False
    result = libc.renameat2(
        _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), ctypes.c_uint(_RENAME_EXCHANGE)
    )
    if result == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS):
        return False
    raise OSError(code, os.strerror(code), str(other))
