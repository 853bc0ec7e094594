"""Where artefacts are tried: two processes that run commands, and a folder for each case."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from tests.fuzz.artefacts.artefact import ROOT, SECRET, Artefact, Ran, fault, listing
from tests.fuzz.case import Outcome
from tests.repository.transfer.oci.hostile_registry import serving

LANES = 2

SECONDS = 90.0
"""After which a command is ended: it may wait for a processor that others use."""


class _Worker:
    """Runs commands; its process is there from the first one on."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._process: subprocess.Popen[str] | None = None

    def run(self, ask: dict[str, Any]) -> dict[str, Any]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.fuzz.artefacts.worker"],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(ask) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def stop(self) -> None:
        if self._process is not None:
            self._process.communicate()


def variables(folder: Path) -> dict[str, str]:
    """The environment of a command: everything that it may write lies in the case's folder."""
    home = str(folder / "home")
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "200",
        "TERM": "dumb",
        "HOME": home,
        "TMPDIR": str(folder / "tmp"),
        "XDG_CACHE_HOME": f"{home}/.cache",
        "XDG_RUNTIME_DIR": str(folder / "run"),
        "DOCKER_CONFIG": f"{home}/docker",
        "HF_HUB_OFFLINE": "1",
        "HF_ENDPOINT": "http://127.0.0.1:1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_EC2_METADATA_DISABLED": "true",
        "OMP_NUM_THREADS": "1",
    }


class Desk:
    """Tries artefacts, at most :data:`LANES` at a time."""

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="artefacts-"))
        self._lanes: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self._writing = threading.Lock()  # some artefacts are written from another folder
        (self._folder / "workers").mkdir()
        self._workers = [_Worker(variables(self._folder / "workers")) for _ in range(LANES)]
        for worker in self._workers:
            self._lanes.put(worker)
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.stop()
        shutil.rmtree(self._folder)

    def attempt(self, artefact: Artefact, *, alone: bool) -> tuple[Outcome, bytes]:
        """Writes an artefact, runs its command, and judges what came of it.

        Args:
            artefact: what to try.
            alone: in a process that starts from nothing, as users have it.

        Returns:
            What came of it, and its output, without what differs from case to case.
        """
        with self._case() as folder, contextlib.ExitStack() as stack:
            with self._writing:
                artefact.write(folder / "work")
            host, environment = "127.0.0.1:1", variables(folder)
            if artefact.lies is not None:
                server = stack.enter_context(serving())
                server.case, host = artefact.lies, server.host
                environment["AWS_ENDPOINT_URL"] = f"http://{host}"
            before = listing(folder)
            worker = self._lanes.get()
            try:
                answer = worker.run(
                    {
                        "folder": str(folder),
                        "variables": environment,
                        "command": [
                            each.replace("{host}", host).replace("{work}", str(folder / "work"))
                            for each in artefact.command
                        ],
                        "alone": alone if artefact.alone is None else artefact.alone,
                        "seconds": SECONDS,
                    }
                )
            finally:
                self._lanes.put(worker)
            said = {name: _taken(folder / name) for name in ("stdout", "stderr", "log")}
            ran = Ran(
                *(answer["code"], said["stdout"], said["stderr"], answer["seconds"]),
                *(answer["late"], answer["bytes"], said["log"].decode()),
            )
            wrong = fault(artefact, folder, ran, before, listing(folder))
            text = ran.out + ran.err
            for what, name in ((str(folder), "FOLDER"), (host, "HOST")):
                text = text.replace(what.encode(), name.encode())
            last = (text.decode(errors="replace").strip().splitlines() or [""])[-1]
            kind = "done" if ran.code == 0 else "exit"
            code = "" if ran.code == 0 else str(ran.code)
            return Outcome(kind, code, last, ran.seconds, wrong), text

    @contextlib.contextmanager
    def _case(self) -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp(prefix="case-", dir=self._folder))
        for name in ("work", "home", "tmp", "run", "shm", "temporary"):
            (folder / name).mkdir(mode=0o700)
        (folder / "secret.txt").write_text(SECRET)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _taken(path: Path) -> bytes:
    content = path.read_bytes() if path.exists() else b""
    path.unlink(missing_ok=True)
    return content
