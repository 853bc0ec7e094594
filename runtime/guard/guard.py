"""The process between us and Triton: it stops the server well and leaves nothing behind.

``python -m runtime.guard.guard`` starts the server whose command is in its state folder, passes its
output on, and waits. When its standard input says so, or ends because the process that owned it
was killed, it stops the server, ends whatever stubs are left and removes what the server owned.
It is the server's parent and its stubs' subreaper, so none of them can get away; if it is killed
itself, the kernel ends the server with it (PR_SET_PDEATHSIG), and the next start removes the rest.

Only the standard library.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path

from repository.children import ending_with_parent
from runtime import processes
from runtime.guard import connections, hidden
from runtime.guard.sequences import OpenSequences
from runtime.guard.state import ServerState
from runtime.options import admin

_PR_SET_CHILD_SUBREAPER = 36

_ANSWERED = re.compile(rb"Found 0 model versions that have in-flight inferences")
"""Triton says this when its services have ended and every inference has been answered. Then it
unloads the models, and waits until its exit timeout for those whose stub has died, or that a gRPC
stream still holds. It never says so of a sequence that its client left: see
:mod:`runtime.guard.sequences`."""

FINALIZE_SECONDS = 5.0
"""How long the models may take for their ``finalize`` when all is answered."""

STOP = b"s"
NOW = b"n"
"""What :class:`runtime.server.run.Run` says on standard input to :meth:`Guard.stop`."""

PATIENCE_SECONDS = 2.0
"""How long clients that send request after request may go on while the server stops."""

TICK_SECONDS = 0.1
"""How often a stopping server's connections are looked at."""


class Guard:
    """One server's guard.

    Args:
        state: the server's state; ``command.json`` in it has the command and its variables.
    """

    def __init__(self, state: ServerState) -> None:
        self._state = state
        spec = json.loads((state.folder / "command.json").read_text())
        self._grace_seconds = float(spec["grace_seconds"])
        self._http_port = int(spec["http_port"])
        options = dict(each.partition("=")[::2] for each in spec["command"])
        self._ports = (self._http_port, int(options["--grpc-port"]))
        self._sequences = OpenSequences(Path(options["--model-repository"]))
        self._connections_reachable = True
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._server, is_hidden = hidden.popen(
            spec["command"],
            admin.KEY,
            admin.read_key(state.folder),
            env=spec["variables"],
            cwd=state.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # This process has one thread, so running code between fork and exec is safe.
            preexec_fn=ending_with_parent(signal.SIGKILL),
        )
        if not is_hidden:
            self._warn(
                "other users of this machine can read the admin key in "
                f"/proc/{self._server.pid}/cmdline, as tracing (ptrace) is not allowed here"
            )
        self._deadline: float | None = None
        self._stopped_at = 0.0
        self._answered = False
        self._had_stubs = False
        self._output_open = True

    def run(self) -> int:
        """Waits for the server's end, then cleans up.

        Returns:
            the server's exit code, negative if a signal ended it; 0 after a wanted stop.
        """
        selector = selectors.DefaultSelector()
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, self._on_signal)
        assert self._server.stdout is not None
        output = self._server.stdout.fileno()
        selector.register(output, selectors.EVENT_READ, "output")
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ, "owner")
        selector.register(wake_read, selectors.EVENT_READ, "signal")
        while self._server.poll() is None:
            for key, _ in selector.select(timeout=None if self._deadline is None else TICK_SECONDS):
                data = os.read(key.fd, 65536)
                if key.data == "output":
                    self._pass_on(data)
                if not data:
                    selector.unregister(key.fd)
                if key.data == "owner":
                    self.stop(now=NOW in data)
            if self._deadline is not None:
                self._hasten()
        os.set_blocking(output, False)
        self._drain(output)
        self._end_descendants()
        self._state.remove()
        return 0 if self._deadline is not None else self._server.returncode

    def stop(self, *, now: bool = False) -> None:
        """Asks the server to end: it refuses new requests and answers those it has.

        Args:
            now: ends it at once instead, requests or not.
        """
        if self._deadline is None:
            self._had_stubs = self._has_stubs()
            self._stopped_at = time.monotonic()
            self._deadline = self._stopped_at + self._grace_seconds
            self._server.terminate()
        if now:
            self._deadline = 0.0

    def _hasten(self) -> None:
        assert self._deadline is not None
        # Stubs end when their models have been finalized.
        finished = (self._answered or self._had_stubs) and not self._has_stubs()
        if (
            finished
            or time.monotonic() > self._deadline
            or self._sequences.are_left(self._server.pid, self._ports)
        ):
            self._server.kill()
        elif self._connections_reachable:
            self._connections_reachable = connections.end_quiet(
                self._server.pid,
                self._http_port,
                insist=time.monotonic() > self._stopped_at + PATIENCE_SECONDS,
            )

    def _on_signal(self, number: int, _frame: object) -> None:
        if number != signal.SIGCHLD:
            self.stop()

    @staticmethod
    def _warn(sentence: str) -> None:
        """Writes a line as Triton's log has them."""
        now = time.strftime("%m%d %H:%M:%S")
        print(f'W{now}.000000 {os.getpid()} guard.py:1] "{sentence}"', flush=True)

    def _has_stubs(self) -> bool:
        return any(map(processes.is_running, processes.children(self._server.pid)))

    def _pass_on(self, data: bytes) -> None:
        if self._deadline is not None and not self._answered:
            self._sequences.read(data)
            if _ANSWERED.search(data):
                self._answered = True
                self._deadline = min(self._deadline, time.monotonic() + FINALIZE_SECONDS)
        if self._output_open:
            try:
                while data:
                    data = data[os.write(sys.stdout.fileno(), data) :]
            except OSError:  # nobody reads any more
                self._output_open = False

    def _drain(self, output: int) -> None:
        try:
            while data := os.read(output, 65536):
                self._pass_on(data)
        except BlockingIOError:  # a stub that outlived the server still holds the pipe
            pass

    def _end_descendants(self) -> None:
        """Kills the stubs, which are our children now, and their children, and so on."""
        while found := processes.children(os.getpid()):
            processes.kill([pid for pid in found if processes.is_running(pid)])
            for pid in found:
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    continue


def main() -> int:
    """Guards the server whose state folder is the first argument."""
    return Guard(ServerState(Path(sys.argv[1]))).run()


if __name__ == "__main__":
    code = main()
    sys.exit(code if code >= 0 else 128 - code)
