"""`transformers serve`, a server with OpenAI's API that runs on a CPU.

What it needs beside transformers lies in an environment of its own, ``.venv-transformers``, made
when it is first needed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from repository.places import ROOT
from tests.environments import installed
from tests.ports import kept_port

FOLDER = ROOT / ".venv-transformers"
REQUIREMENTS = Path(__file__).with_name("transformers_requirements.txt")

SECONDS = 180.0
"""What it may take until it answers: torch is imported, on a machine that may be busy."""


@dataclass(frozen=True)
class TransformersServer:
    """A running server of one checkpoint, which is called by its folder's path."""

    url: str
    model: str
    process: psutil.Process

    def is_busy(self) -> bool:
        """Whether it computes."""
        before = sum(self.process.cpu_times()[:2])
        time.sleep(0.5)
        return sum(self.process.cpu_times()[:2]) - before > 0.1


@contextmanager
def serving(checkpoint: Path) -> Iterator[TransformersServer]:
    """A server on a free port of 127.0.0.1, ended with the block."""
    python = installed(FOLDER, REQUIREMENTS)
    (packages,) = FOLDER.glob("lib/python*/site-packages")
    assert python.exists()
    variables = os.environ | {"PYTHONPATH": str(packages), "HF_HUB_OFFLINE": "1"}
    program = "from transformers.cli.transformers import main; main()"
    with tempfile.NamedTemporaryFile("w+") as log:
        with kept_port() as port:
            options = ("serve", str(checkpoint), "--device", "cpu", "--host", "127.0.0.1")
            process = subprocess.Popen(
                [sys.executable, "-c", program, *options, "--port", str(port)],
                stdout=log,
                stderr=log,
                cwd="/",
                env=variables,
            )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(process, f"{address}/health", Path(log.name))
            yield TransformersServer(f"{address}/v1", str(checkpoint), psutil.Process(process.pid))
        finally:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"transformers serve did not start: {log.read_text()[-1000:]}")
