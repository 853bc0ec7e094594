"""The process between us and perf_analyzer: it ends perf_analyzer in time, and cleans up.

Run as a script, with the folder of one run as its argument. It starts the command that is in that
folder's ``command.json``, and waits for the first of: its end, its time limit, a stall, the end of
standard input, which is the end of whoever started this. Then it ends the command's process group,
removes the shared memory that perf_analyzer leaves when it is killed, and prints an outcome as
JSON; if its owner is gone, it removes the folder too. If the guard is killed, the kernel ends
perf_analyzer (PR_SET_PDEATHSIG).

Only the standard library, and nothing of this package: it starts in 20 ms.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import selectors
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

COMMAND = "command.json"
SHARED_MEMORY = Path("/dev/shm")
KEPT_BYTES = 1 << 16
"""How much of the end of standard error is kept: for some data types perf_analyzer writes a line
for every number."""

STALL_SECONDS = 5
"""Seconds that perf_analyzer may sleep with no thread left that sends requests.

With ``--request-count N`` it starts its threads, then empties the list of answered requests, then
sleeps until the list has N (``ProfileHelper`` and ``Measure`` in ``inference_profiler.cc``). On a
busy machine some are answered before the list is emptied. Then it never wakes up.
"""

_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 1.0


def _prepare(memory_bytes: int) -> None:
    """In perf_analyzer's process, before it is one: dies with us, has a limit, dumps no core."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class _Rest:
    """How long a process has slept with only its first thread left.

    A library's threads, which have other names, do not count.
    """

    def __init__(self, process: int) -> None:
        self._tasks = Path(f"/proc/{process}/task")
        self._first = self._tasks / str(process)
        self._used = -1
        self._since = time.monotonic()

    def seconds(self) -> float:
        """Looks once more; 0 if it did anything since the last look."""
        try:
            name = (self._first / "comm").read_text()
            workers = sum((task / "comm").read_text() == name for task in self._tasks.iterdir()) - 1
            fields = (self._first / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # a thread, or all of it, ended meanwhile
            return self._awake()
        state, used = fields[0], int(fields[11]) + int(fields[12])
        # A loop that wakes once a second takes a tick now and then; work takes a hundred a second.
        if state != "S" or workers or used > self._used + 2:
            self._used = used
            return self._awake()
        return time.monotonic() - self._since

    def _awake(self) -> float:
        self._since = time.monotonic()
        return 0.0


def guard(folder: Path, owner: int) -> dict[str, Any]:
    """Runs the command of a folder.

    Args:
        folder: holds ``command.json``: ``command``, ``variables``, ``seconds``, ``memory_bytes``,
            and ``regions``, the names of its shared memory.
        owner: a file descriptor that ends when the process that wants the outcome is gone.

    Returns:
        ``code`` (negative: the signal that ended it), ``said`` (the end of its standard error),
        ``ended`` (``itself``, ``timeout``, ``stall`` or ``owner``), ``peak_bytes`` (of its memory).
    """
    wanted = json.loads((folder / COMMAND).read_text())
    deadline = time.monotonic() + wanted["seconds"]
    process = subprocess.Popen(
        wanted["command"],
        cwd=folder,
        env=wanted["variables"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        process_group=0,
        preexec_fn=lambda: _prepare(wanted["memory_bytes"]),
    )
    assert process.stderr is not None
    output = process.stderr.fileno()
    os.set_blocking(output, False)
    selector = selectors.DefaultSelector()
    selector.register(output, selectors.EVENT_READ, "output")
    selector.register(owner, selectors.EVENT_READ, "owner")
    selector.register(os.pidfd_open(process.pid), selectors.EVENT_READ, "itself")
    said, ended = b"", ""
    rest = _Rest(process.pid)
    while not ended:
        left = deadline - time.monotonic()
        events = selector.select(max(0.0, min(left, _LOOK_SECONDS)))
        if not events and left <= 0:
            ended = "timeout"
        elif not events and rest.seconds() >= STALL_SECONDS:
            ended = "stall"
        for key, _ in events:
            if key.data != "output":
                ended = key.data
            elif data := os.read(output, KEPT_BYTES):
                said = (said + data)[-KEPT_BYTES:]
            else:
                selector.unregister(output)
    # Before it is waited for, so that the number of its group cannot be another's by now.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    _, status, usage = os.wait4(process.pid, 0)
    with contextlib.suppress(BlockingIOError):
        while data := os.read(output, KEPT_BYTES):
            said = (said + data)[-KEPT_BYTES:]
    for region in wanted["regions"]:
        (SHARED_MEMORY / region).unlink(missing_ok=True)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "said": said.decode(errors="replace"),
        "ended": ended,
        "peak_bytes": usage.ru_maxrss * 1024,
    }


def main() -> None:
    """Guards the run in the folder that is the first argument."""
    folder = Path(sys.argv[1])
    try:
        outcome = guard(folder, sys.stdin.fileno())
    except (OSError, subprocess.SubprocessError) as error:
        outcome = {"code": 127, "said": str(error), "ended": "itself", "peak_bytes": 0}
    if outcome["ended"] == "owner":
        shutil.rmtree(folder, ignore_errors=True)
    else:
        json.dump(outcome, sys.stdout)


if __name__ == "__main__":
    main()
