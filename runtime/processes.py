"""Looking at processes through /proc, and ending them.

Only the standard library: the guard imports this, and should stay small.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")


def _pids() -> Iterator[int]:
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            yield int(entry.name)


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/<pid>/stat`` after the command's name: state, parent, ...

    Raises:
        OSError: no such process.
    """
    text = (_PROC / str(pid) / "stat").read_text()
    return text[text.rindex(")") + 2 :].split()


def is_running(pid: int) -> bool:
    """Whether the process exists and is not a zombie."""
    try:
        return _stat(pid)[0] not in "ZX"
    except OSError:
        return False


def is_stopped(pid: int) -> bool:
    """Whether the process was stopped by a signal, and does not run until another."""
    try:
        return _stat(pid)[0] == "T"
    except OSError:
        return False


def processor_seconds(pid: int) -> float:
    """Processor time that the process has used; 0 if it is gone."""
    try:
        user, system = _stat(pid)[11:13]
    except OSError:
        return 0.0
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """The process ids of the direct children, zombies included."""
    found = []
    for candidate in _pids():
        try:
            if int(_stat(candidate)[1]) == pid:
                found.append(candidate)
        except OSError:
            continue
    return found


def named(name: str) -> list[int]:
    """The processes whose program has this name."""
    return [pid for pid in _pids() if arguments(pid)[:1] and Path(arguments(pid)[0]).name == name]


def arguments(pid: int) -> list[str]:
    """The command line; empty for a process that has ended or that we may not read."""
    try:
        return (_PROC / str(pid) / "cmdline").read_text(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def with_variable(name: str, value: str) -> list[int]:
    """The processes that were started with this environment variable, of those we may read."""
    wanted = f"{name}={value}".encode()
    found = []
    for pid in _pids():
        try:
            variables = (_PROC / str(pid) / "environ").read_bytes()
        except OSError:
            continue
        if wanted in variables.split(b"\0") and is_running(pid):
            found.append(pid)
    return found


def resident_bytes(pid: int) -> int:
    """Resident memory of one process; 0 if it has ended."""
    try:
        pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def private_bytes(pid: int) -> int:
    """Resident memory of one process that lies in no file and is not shared; 0 if it has ended."""
    try:
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    sizes = [line.split()[1] for line in lines if line.startswith("RssAnon:")]
    return int(sizes[0]) * 1024 if sizes else 0  # a zombie has none


def kill(pids: list[int], *, wait_seconds: float = 5.0) -> None:
    """Ends processes with SIGKILL and waits until they are gone."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    deadline = time.monotonic() + wait_seconds
    while any(is_running(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.01)
