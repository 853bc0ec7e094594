"""What one server owns on this machine, and how to tell it from the rest.

Each server has an id, and a folder for its state that its guard holds locked for as long as it
lives: the kernel releases the lock however the guard ends, and programs that clean /tmp skip a
locked folder. Everything else that the server leaves outside its folder carries the id in its name
(shared memory, temporary folders) or in its environment (processes). So if a server's lock is free,
everything with its id may be removed.

Only the standard library: the guard imports this, and should stay small.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from repository.files.plain import is_plain
from runtime import processes

VARIABLE = "TRITON_KIT_SERVER"
"""The environment variable that marks a server's processes with its id."""

SHARED_MEMORY = Path("/dev/shm")
TEMPORARY = Path("/tmp")
"""Where Triton's Python backend makes its temporary folder, whatever TMPDIR says."""

_ID = re.compile(r"[0-9a-f]{8}", re.ASCII)


def base_folder() -> Path:
    """The folder that holds all of this user's servers, made if needed.

    Raises:
        OSError: it cannot be made, or it is somebody else's.
    """
    runtime_folder = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime_folder and is_plain(runtime_folder) and os.access(runtime_folder, os.W_OK):
        base = Path(runtime_folder) / "triton-kit"
    else:
        temporary = Path(tempfile.gettempdir())
        base = (temporary if is_plain(temporary) else TEMPORARY) / f"triton-kit-{os.getuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    facts = base.lstat()
    if base.is_symlink() or facts.st_uid != os.getuid() or facts.st_mode & 0o022:
        raise PermissionError(f"{base} is not this user's own folder; remove it")
    return base


@dataclass(frozen=True)
class ServerState:
    """What one server owns.

    Attributes:
        folder: its folder; the name is its id.
    """

    folder: Path

    @property
    def id(self) -> str:
        """Eight hexadecimal digits."""
        return self.folder.name

    @property
    def shared_memory_prefix(self) -> str:
        """How the names of its shared memory regions begin."""
        return f"triton_kit_{self.id}_"

    @property
    def temporary_prefix(self) -> str:
        """How its temporary folders in /tmp begin: 11 characters (see backend_folder)."""
        return f"tk{self.id}_"

    def processes(self) -> list[int]:
        """The server and its stubs, as far as they live, without this process."""
        return [pid for pid in processes.with_variable(VARIABLE, self.id) if pid != os.getpid()]

    def remove(self) -> None:
        """Ends its processes and removes all that it owns."""
        processes.kill(self.processes())
        for region in SHARED_MEMORY.glob(f"{self.shared_memory_prefix}*"):
            region.unlink(missing_ok=True)
        for folder in TEMPORARY.glob(f"{self.temporary_prefix}*"):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def _base_locked() -> Iterator[Path]:
    base = base_folder()
    handle = _open(base)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield base
    finally:
        os.close(handle)


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def create() -> tuple[ServerState, int]:
    """A new server's state, and the file descriptor that holds its lock.

    Whoever has a copy of the descriptor keeps the state alive.
    """
    with _base_locked() as base:
        state = ServerState(base / secrets.token_hex(4))
        state.folder.mkdir(mode=0o700)
        handle = _open(state.folder)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return state, handle


def sweep() -> list[str]:
    """Removes what servers left that no longer have a guard.

    Returns:
        the ids of those servers.
    """
    removed = []
    with _base_locked() as base:
        for folder in base.iterdir():
            # Any other name would be a pattern, or the beginning of another server's.
            if not _ID.fullmatch(folder.name) or not _is_folder(folder) or _is_held(folder):
                continue
            state = ServerState(folder)
            state.remove()
            removed.append(state.id)
    return removed


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _is_held(folder: Path) -> bool:
    try:
        handle = _open(folder)
    except FileNotFoundError:  # its guard has just removed it
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
