"""One run of ``tritonserver`` under its guard, from its start to its end."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from repository.places import ROOT
from runtime import processes
from runtime.errors import ServerDied, ServerFailed
from runtime.guard import guard, state
from runtime.options import admin
from runtime.server import deaths, logs
from runtime.server.control import Control

LogSink = Callable[[str], None]
"""Gets each line of a server's output, without its line end."""


class Run:
    """Starts the server; :meth:`wait_until_live` returns when it answers.

    Args:
        command: its command, which may lie in the state that it is given; :data:`admin.KEY` stands
            for the key.
        variables: its environment variables.
        grace_seconds: how long requests in flight may take to be answered at the end.
        http_port: the port of its HTTP endpoint.
        log: gets its output.

    Attributes:
        admin_key: what calls of a closed group have to bring.
        region_prefix: how the names of its shared memory regions begin.
        pid: its process id; 0 until it answers.

    Raises:
        ServerFailed: its own files cannot be written.
    """

    def __init__(
        self,
        command: Callable[[state.ServerState], Sequence[str]],
        variables: Mapping[str, str],
        *,
        grace_seconds: float,
        http_port: int,
        log: LogSink | None,
    ) -> None:
        self._log = log
        self._load_times = logs.LoadTimes()
        self._lines: collections.deque[str] = collections.deque(maxlen=2000)
        self.pid = 0
        try:
            state.sweep()
            own, lock = state.create()
            self.region_prefix = own.shared_memory_prefix
            try:
                self.admin_key = admin.make_key(own.folder)
                (own.folder / "command.json").write_text(
                    json.dumps(
                        {
                            "command": command(own),
                            "variables": {**variables, state.VARIABLE: own.id},
                            "grace_seconds": grace_seconds,
                            "http_port": http_port,
                        }
                    )
                )
                self._guard = _start_guard(own, lock)
            except BaseException:
                own.remove()
                raise
            finally:
                os.close(lock)
        except OSError as error:
            raise ServerFailed(
                "Cannot write the server's own files (below XDG_RUNTIME_DIR, or else TMPDIR): "
                f"{error}"
            ) from error
        self._open = True
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def lines(self) -> list[str]:
        """The last lines of its output."""
        return list(self._lines)

    @property
    def load_seconds(self) -> dict[str, float]:
        """How long each model took to load, the last time it did."""
        return dict(self._load_times.seconds)

    def _read(self) -> None:
        assert self._guard.stdout is not None
        for raw in self._guard.stdout:
            line = raw.decode(errors="replace").rstrip("\n")
            self._lines.append(line)
            self._load_times.read(line)
            if self._log is not None:
                self._log(line)

    def wait_until_live(self, control: Control, timeout_seconds: float) -> None:
        """Waits until it answers.

        Args:
            control: it.
            timeout_seconds: how long that may take.

        Raises:
            ServerDied: a signal ended it.
            ServerFailed: it ended, or did not answer in time.
        """
        deadline = time.monotonic() + timeout_seconds
        while not control.is_live():
            if not self.is_running():
                code = self.wait()
                failure = ServerDied if deaths.cause(code).startswith("SIG") else ServerFailed
                raise failure(f"Triton did not start: {deaths.reason(self.lines)}")
            if time.monotonic() > deadline:
                raise ServerFailed(
                    f"Triton did not answer within {timeout_seconds:g} s: "
                    f"{deaths.reason(self.lines)}"
                )
            time.sleep(0.02)
        self.pid = self._find_server()

    def _find_server(self) -> int:
        for pid in processes.children(self._guard.pid):
            if processes.arguments(pid)[:1] and processes.arguments(pid)[0].endswith(
                "/tritonserver"
            ):
                return pid
        raise ServerFailed(f"Triton ended as it started: {deaths.reason(self.lines)}")

    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._guard.poll() is None

    def ask_to_stop(self, *, now: bool = False) -> None:
        """Begins to end it, and does not wait; can be called from a signal handler.

        Args:
            now: does not wait for requests in flight, nor for models to finalize; also hastens a
                stop that has begun.
        """
        if self._open and self._guard.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it has ended already
                os.write(self._guard.stdin.fileno(), guard.NOW if now else guard.STOP)

    def wait(self) -> int:
        """Waits until it ends by itself.

        Returns:
            its exit code; 128 and the signal's number if a signal ended it.
        """
        code = self._guard.wait()
        self._reader.join(timeout=5)
        return code if code >= 0 else 128 - code

    def close(self) -> None:
        """Waits for its end, and lets go of what belongs to it."""
        self.wait()
        self._open = False  # before its pipes are closed: a signal handler may want to write
        for pipe in (self._guard.stdin, self._guard.stdout):
            if pipe is not None:
                pipe.close()


def _start_guard(own: state.ServerState, lock: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-S", "-m", "runtime.guard.guard", str(own.folder)],
        cwd=ROOT,
        env=dict(os.environ) | {"PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        pass_fds=(lock,),
    )
