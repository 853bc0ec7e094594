"""``python -m runtime serve`` as a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from repository.places import ROOT
from runtime import processes

FREE_PORTS = ("--http-port=0", "--grpc-port=0", "--metrics-port=0")


class Serving:
    """``python -m runtime serve`` in a process of its own.

    Args:
        arguments: its arguments.
    """

    def __init__(self, arguments: Sequence[str], log: Path) -> None:
        self.log = log
        with log.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "runtime", "serve", *arguments],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.message: list[str] = []

    def wait_until_ready(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.message.append(line.rstrip())
            if line.startswith("  model"):
                return
        raise AssertionError(self.log.read_text())

    def wait_until_told(self, text: str, times: int = 1, seconds: float = 60.0) -> None:
        """Waits until the log has a text so many times."""
        deadline = time.monotonic() + seconds
        while (log := self.log.read_text()).count(text) < times:
            assert time.monotonic() < deadline, log
            assert self.process.poll() is None, log
            time.sleep(0.02)

    def server(self) -> int:
        """The process id of ``tritonserver``."""
        (guard,) = processes.children(self.process.pid)
        (server,) = processes.children(guard)
        return server

    def end(self) -> None:
        """Kills it; its guard then ends the rest."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def address(self, name: str) -> str:
        (line,) = (line for line in self.message if line.split()[0] == name)
        return line.split()[1]
