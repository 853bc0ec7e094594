"""``serve --engine docker | podman``: the same repository on a full Triton image.

The image is the stock one and what the stages import (runtime/Containerfile); the repository is
mounted read-only.
"""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Self

from repository.children import ending_with_parent
from runtime.errors import RuntimeFailure, ServerFailed
from runtime.options import addresses, admin, further
from runtime.options.calls import with_called
from runtime.options.models import to_load
from runtime.server import deaths
from runtime.watch.backoff import BackOff

_LAST_CODE_WITHOUT_SIGNAL = 128
"""What an engine itself cannot do is 125 to 127; a signal in the container is above."""

FOLDER = Path(__file__).resolve().parents[1]
SHARED_MEMORY = "1g"
"""Python stubs pass tensors through /dev/shm; a container has 64 MB of it by default."""

START = (
    "key=$(od -An -v -tx1 -N32 /dev/urandom | tr -d ' \\n'); for each; do shift; "
    'set -- "$@" "$(printf %s "$each" | sed "s/{admin-key}/$key/")"; done; exec "$@"'
)
"""Starts a command in the image with a key that is made there and that nobody learns."""


@dataclass(frozen=True, kw_only=True)
class Container:
    """A Triton container to be run.

    Attributes:
        engine: ``docker`` or ``podman``.
        repository: the model repository.
        release: the Triton release, as ``24.10``.
        gpu: whether it gets the machine's GPUs.
        host: the address of this machine that the ports are published on.
        http_port: on this machine; so the other two.
        grpc_port: likewise.
        metrics_port: likewise.
        models: the models to load; empty is all.
        image: an image to run as it is; empty builds ours.
        restarts: how often within ten minutes a server that died is run again.
        exit_seconds: how long requests in flight may take at the end.
        opened: groups of calls that everybody may make.
        further: options for ``tritonserver`` itself.
    """

    engine: str
    repository: Path
    release: str
    gpu: bool
    host: str
    http_port: int
    grpc_port: int
    metrics_port: int
    models: tuple[str, ...]
    image: str
    restarts: int
    exit_seconds: float
    opened: tuple[str, ...]
    further: Sequence[str]

    def commands(self) -> list[list[str]]:
        """The commands to run, one after the other; the last one serves."""
        return [*([] if self.image else [self._build()]), self._run()]

    @property
    def _tag(self) -> str:
        return self.image or f"triton-multimodal-kit:{self.release}"

    def _build(self) -> list[str]:
        return [
            *(self.engine, "build", "--tag", self._tag),
            *("--build-arg", f"TRITON_RELEASE={self.release}"),
            *("--file", str(FOLDER / "Containerfile")),
            str(FOLDER),
        ]

    def _run(self) -> list[str]:
        gpus = {"docker": ["--gpus", "all"], "podman": ["--device", "nvidia.com/gpu=all"]}
        published = {self.http_port: 8000, self.grpc_port: 8001, self.metrics_port: 8002}
        host = addresses.resolve(self.host).for_grpc
        command = [
            *(self.engine, "run", "--rm", "--init"),
            *("--stop-timeout", str(round(self.exit_seconds) + 5)),
            *(gpus[self.engine] if self.gpu else []),
            *("--shm-size", SHARED_MEMORY),
            *(
                part
                for outside, inside in published.items()
                for part in ("--publish", f"{host}:{outside}:{inside}")
            ),
            *("--mount", f"type=bind,source={self.repository.resolve()},target=/models,readonly"),
            self._tag,
            *self._started(),
            "tritonserver",
            "--model-repository=/models",
            "--model-control-mode=explicit",
            *(
                f"--load-model={model}"
                for model in with_called(self.repository, to_load(self.repository, self.models))
            ),
            "--disable-auto-complete-config",
            f"--exit-timeout-secs={max(1, round(self.exit_seconds))}",
            *admin.restricted(self.opened),
        ]
        further.check(self.further, [*command, "--http-port", "--grpc-port", "--metrics-port"])
        return [*command, *admin.checked(self.further, self.opened)]

    def _started(self) -> list[str]:
        """What makes the key, if there has to be one."""
        return ["sh", "-c", START, "sh"] if admin.restricted(self.opened) else []


def serve(container: Container) -> None:
    """Builds the image if it is ours, and runs it until it is asked to end.

    SIGTERM, SIGHUP and Ctrl-C go to the engine, which ends the container with them. A container
    whose server died is run again.

    Raises:
        RuntimeFailure: the engine is not installed, a port is 0, one of its commands failed, or the
            server died too often.
    """
    if shutil.which(container.engine) is None:
        raise RuntimeFailure(
            f"There is no {container.engine} on PATH; install it, or serve without a container.",
            arguments=("engine",),
        )
    *before, run = container.commands()
    restarts = BackOff(deaths.WINDOW_SECONDS, container.restarts)
    with _Engine() as engine:
        for command in before:
            code = engine.run(command)
            if engine.asked:
                return
            if code:
                raise _failed(container.engine, code, command)
        while (code := engine.run(run)) and not engine.asked:
            if code <= _LAST_CODE_WITHOUT_SIGNAL or (wait := restarts.wait()) is None:
                raise _failed(container.engine, code, run)
            when = f"in {wait:.0f} s" if wait else "now"
            print(f"{deaths.sentence(code)}. It is run again {when}.", file=sys.stderr, flush=True)
            engine.pause(wait)


def _failed(engine: str, code: int, command: Sequence[str]) -> ServerFailed:
    why = f" ({deaths.sentence(code)})" if code > _LAST_CODE_WITHOUT_SIGNAL else ""
    return ServerFailed(
        f"{engine} ended with exit code {code}{why}; the command was: {shlex.join(command)}"
    )


class _Engine:
    """Runs an engine's commands. None of them outlives this process.

    Attributes:
        asked: whether a signal asked this process to end.
    """

    def __init__(self) -> None:
        self.asked = False
        self._process: subprocess.Popen[bytes] | None = None
        self._before: dict[int, Any] = {}
        self._wake = threading.Event()

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def run(self, command: Sequence[str]) -> int:
        """Runs a command to its end; gives its exit code."""
        if self.asked:
            return 0
        self._process = subprocess.Popen(
            command,
            # If this process is killed, the engine gets what it would have passed on.
            preexec_fn=ending_with_parent(signal.SIGTERM),
        )
        if self.asked:  # in between
            self._process.terminate()
        code = self._process.wait()
        self._process = None
        return code if code >= 0 else 128 - code

    def pause(self, seconds: float) -> None:
        """Waits, or until somebody asks this process to end."""
        self._wake.wait(seconds)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        self._wake.set()
        if self._process is not None:
            self._process.terminate()
