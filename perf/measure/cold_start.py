"""From nothing to ready: of one Triton, and of a run in process.

Both count from just before a process is started until it could take the first request; no request
is sent. So both contain interpreters, imports, reading the weights, and making the sessions. An
earlier start may have left files in the page cache, so the first start may take longest; it counts
like the others.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from perf.errors import LegFailed
from perf.result import ColdStart
from repository.places import ROOT
from runtime.errors import RuntimeFailure
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer

_TIMEOUT_SECONDS = 600.0
_READY = "ready"

_IN_PROCESS = f"""
import sys
from pathlib import Path
from repository.children import end_with_parent
end_with_parent(int(sys.argv[3]))
from runtime.inprocess import InProcess
try:
    InProcess(Path(sys.argv[1])).load(sys.argv[2])
except Exception as problem:
    sys.exit(str(problem))
print({_READY!r}, flush=True)
"""


def cold_start(
    repository: Path,
    load: Sequence[str],
    starts: int,
    *,
    environment: ServerEnvironment | None = None,
) -> ColdStart:
    """Starts a Triton some times, one after the other.

    The time runs from the start of its processes until it answers, when every model has been
    loaded. Each model's own load is taken from Triton's log. Loads run side by side, so their sum
    may be more than the whole.

    Args:
        repository: the model repository.
        load: the models to load; Triton loads what an ensemble calls with it. ``("*",)`` is all.
        starts: at least 1.
        environment: the server's; the project's own by default.

    Raises:
        LegFailed: a model did not load, with Triton's reason, or the server did not start.
        ValueError: there is no start.
    """
    _check(starts)
    for model in load:
        if model != "*" and not (repository / model).is_dir():
            raise LegFailed(f"cold start: the repository has no model '{model}'")
    seconds: list[float] = []
    loads: dict[str, list[float]] = {}
    for _ in range(starts):
        server = LocalServer(
            repository,
            load=load,
            environment=environment,
            start_timeout_seconds=_TIMEOUT_SECONDS,
        )
        began = time.perf_counter()
        try:
            server.start()
            seconds.append(time.perf_counter() - began)
            _refuse_failed_models(server)
            for model, took in server.load_seconds.items():
                loads.setdefault(model, []).append(took)
        except RuntimeFailure as failure:
            raise LegFailed(f"cold start: {failure}") from failure
        finally:
            server.stop(now=True)
    return ColdStart(
        mode="ensemble",
        seconds=tuple(seconds),
        load_seconds={model: tuple(each) for model, each in sorted(loads.items())},
    )


def _refuse_failed_models(server: LocalServer) -> None:
    reasons = [
        # After its first line, a Python model's reason has a stack trace.
        f"'{status.name}': {(status.reason.splitlines() or ['no reason is given'])[0]}"
        for status in server.failed_models()
    ]
    if reasons:
        raise LegFailed(f"cold start: not every model was loaded: {'; '.join(reasons)}")


def cold_start_in_process(repository: Path, pipeline: str, starts: int) -> ColdStart:
    """Loads a pipeline in a fresh process some times, one after the other.

    The time runs from the start of the interpreter until all models are loaded.

    Args:
        repository: a built model repository.
        pipeline: a model of it, usually an ensemble.
        starts: at least 1.

    Raises:
        LegFailed: it could not be loaded.
        ValueError: there is no start.
    """
    _check(starts)
    if not (repository / pipeline / "config.pbtxt").is_file():
        raise LegFailed(f"cold start in process: the repository has no model '{pipeline}'")
    return ColdStart(
        mode="in-process",
        seconds=tuple(_once_in_process(repository.resolve(), pipeline) for _ in range(starts)),
    )


def _once_in_process(repository: Path, pipeline: str) -> float:
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", _IN_PROCESS, str(repository), pipeline, str(os.getpid())],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    limit = threading.Timer(_TIMEOUT_SECONDS, process.kill)
    limit.start()
    try:
        line = process.stdout.readline()
        took = time.perf_counter() - began
        _, said = process.communicate()
    finally:
        limit.cancel()
        process.kill()  # nothing, if it has ended by itself
        process.wait()
    if line.strip() != _READY:
        reason = (said.strip().splitlines() or [f"it ended with code {process.returncode}"])[-1]
        raise LegFailed(f"cold start in process: '{pipeline}' could not be loaded: {reason}")
    return took


def _check(starts: int) -> None:
    if starts < 1:
        raise ValueError(f"{starts} starts; expected at least 1")
